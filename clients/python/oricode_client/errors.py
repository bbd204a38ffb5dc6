"""Everything that can go wrong, as one tree: the class says who can mend it.

In: an HTTP answer, a WebSocket refusal or close, a run's ``error`` event, a broken connection. Out: one exception.
Codes and their meaning are the protocol's table; a code this version does not know is judged by its HTTP status.

    OricodeClientError
        RequestRefused      the caller: change the request, the key, or wait
            Unauthorized  NotFound  Conflict  Gone  RateLimited  NotStarted
        ServiceFailed       the service
            ProtocolViolation
        UpstreamFailed      the model's provider
        ConnectionLost      the network between here and the service
        RunCancelled        somebody ended the run; nobody is to blame
"""

from __future__ import annotations

from typing import Any, Literal

from oricode_protocol import errors as table

Blame = Literal["client", "service", "upstream", "network", "nobody"]


class OricodeClientError(Exception):
    """Base of all errors of this package."""

    blame: Blame = "service"
    status: int | None = None
    """The HTTP status it was refused with, or would have been; None for what was no answer to a request."""

    def __init__(self, sentence: str, *, code: str, retryable: bool = False, retry_after: float | None = None) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        """What happened, for a person."""
        self.code = code
        """A row of PROTOCOL.md's table, or one of this client's own: ``connection_lost``, ``protocol_violation``,
        ``not_started``, ``cancelled``, ``http_<status>``."""
        self.retryable = retryable
        """Whether the same request may succeed later without a change."""
        self.retry_after = retry_after
        """Seconds until another try makes sense; None when nobody said."""


class RequestRefused(OricodeClientError):
    """The request must change, or wait."""

    blame = "client"


class Unauthorized(RequestRefused):
    """The key is missing, wrong or revoked, or may not do that (401, 403)."""


class NotFound(RequestRefused):
    """Nothing there under that name, or it belongs to somebody else (404)."""


class Conflict(RequestRefused):
    """The chat is busy, the answer came second, or an idempotency key was used with another body (409)."""


class Gone(RequestRefused):
    """The run's events were deleted after retention (410)."""

    message_url: str | None = None
    """Where the stored message still is; a path on the service."""


class RateLimited(RequestRefused):
    """Too much at once (429); ``retry_after`` says when to come back."""


class NotStarted(RequestRefused):
    """The run has no id yet: the service has not answered its start."""

    def __init__(self) -> None:
        super().__init__("The run has not started yet.", code="not_started", retryable=True)


class ServiceFailed(OricodeClientError):
    """The service failed, or ended the run at one of its limits."""


class ProtocolViolation(ServiceFailed):
    """What came is not this protocol: another server at that address, a proxy's page, or a bug."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence, code="protocol_violation")


class UpstreamFailed(OricodeClientError):
    """The model's provider failed."""

    blame = "upstream"


class ConnectionLost(OricodeClientError):
    """The service could not be reached, or the connection broke and could not be made again in time."""

    blame = "network"

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence, code="connection_lost", retryable=True)


class RunCancelled(OricodeClientError):
    """The run was cancelled before it was complete."""

    blame = "nobody"

    def __init__(self) -> None:
        super().__init__("The run was cancelled.", code="cancelled")


_BY_STATUS: dict[int, type[OricodeClientError]] = {
    401: Unauthorized,
    403: Unauthorized,
    404: NotFound,
    409: Conflict,
    410: Gone,
    429: RateLimited,
}
_BY_BLAME: dict[table.Blame, type[OricodeClientError]] = {
    table.Blame.CLIENT: RequestRefused,
    table.Blame.SERVICE: ServiceFailed,
    table.Blame.UPSTREAM: UpstreamFailed,
}


def from_problem(
    problem: dict[str, Any], status: int | None = None, retry_after: float | None = None
) -> OricodeClientError:
    """The error of a problem object: an HTTP body, the ``error`` of a reply, or an ``error`` event's data.

    ``status`` is the HTTP status when there was one; ``retry_after`` the header's seconds, if any.
    """
    code = str(problem.get("code") or (f"http_{status}" if status else "internal"))
    row = table.TABLE.get(code)
    status = status or int(problem.get("status") or (row.status if row else 500))
    default = RequestRefused if 400 <= status < 500 else ServiceFailed
    kind = _BY_STATUS.get(status) or (_BY_BLAME[row.blame] if row else default)
    retryable = problem.get("retryable")
    if retryable is None:
        retryable = row.retryable if row else status in (408, 425, 429) or status >= 500
    if problem.get("retry_after_ms") is not None:
        retry_after = problem["retry_after_ms"] / 1000
    sentence = problem.get("detail") or problem.get("error") or (row.sentence if row else f"HTTP status {status}.")
    error = kind(str(sentence), code=code, retryable=bool(retryable), retry_after=retry_after)
    error.status = status
    if isinstance(error, Gone):
        error.message_url = problem.get("message_url")
    return error


def from_close(close: int, reason: str) -> OricodeClientError:
    """The error of a WebSocket closed with ``close``; codes without a row mean a lost connection."""
    row = next((row for row in table.TABLE.values() if row.close == close), None)
    if row is None or row.retryable:
        return ConnectionLost(f"The connection was closed ({close}{': ' + reason if reason else ''}).")
    return from_problem({"code": row.code, "detail": reason or row.sentence}, row.status)
