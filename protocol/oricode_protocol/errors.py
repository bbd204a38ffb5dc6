"""The one error table: code -> blame, HTTP status, WebSocket close code, retryable, and what to do.

In: a code. Out: its :class:`Row`, or an exception of one small tree whose class says who is to blame. Transports turn
a row into their own answer (``application/problem+json``, an error reply or a close); PROTOCOL.md prints the table.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any


class Blame(Enum):
    """Who can mend it."""

    CLIENT = "client"
    SERVICE = "service"
    UPSTREAM = "upstream"


@dataclass(frozen=True, slots=True)
class Row:
    """One error."""

    code: str
    blame: Blame
    status: int
    """HTTP status when it is said before a stream starts; for failures of a running run: the status of none (200)."""
    close: int | None
    """WebSocket close code; None = the connection lives on and the reply says it."""
    retryable: bool
    """Whether the same request may succeed later without a change."""
    sentence: str
    """Says what happened and what to do; the default when nobody knows better."""


_C, _S, _U = Blame.CLIENT, Blame.SERVICE, Blame.UPSTREAM

TABLE: dict[str, Row] = {
    row.code: row
    for row in (
        # The request itself.
        Row("malformed_json", _C, 400, None, False, "The body is not valid JSON in UTF-8."),
        Row("invalid_request", _C, 400, None, False, "A field of the request is missing or of the wrong type."),
        Row("empty_prompt", _C, 400, None, False, "Send a non-empty `prompt`, or `messages` that end with a user message."),
        Row("unknown_model", _C, 400, None, False, "No such model; leave `model` out to get the service's default."),
        Row("malformed_cursor", _C, 400, None, False, "The event id is malformed or belongs to another run."),
        Row("unknown_command", _C, 400, None, False, "No such command; see PROTOCOL.md for the list."),
        Row("not_attached", _C, 400, None, False, "This connection is not attached to that run."),
        Row("bad_frame", _C, 400, 4400, False, "A frame must be a text frame that holds one JSON object."),
        Row("unauthorized", _C, 401, 4401, False, "Send a valid key as X-API-Key or Authorization: Bearer."),
        Row("forbidden", _C, 403, 4403, False, "This key or this origin may not do that."),
        Row("not_found", _C, 404, None, False, "There is nothing here under that name."),
        Row("method_not_allowed", _C, 405, None, False, "This path does not take that method; see the Allow header."),
        Row("request_timeout", _C, 408, None, True, "The request did not arrive in time."),
        Row("idempotency_mismatch", _C, 409, None, False, "This idempotency key was used with another body."),
        Row("chat_busy", _C, 409, None, True, "A run of this chat is live; wait for it, or send `if_busy`: enqueue or interrupt."),
        Row("already_answered", _C, 409, None, False, "Somebody else answered first; the first answer counts."),
        Row("not_pending", _C, 409, None, False, "Nothing waits for this answer any more."),
        Row("gone", _C, 410, None, False, "The events of this run were deleted; its stored message remains."),
        Row("body_too_large", _C, 413, 1009, False, "The request is larger than this service accepts."),
        Row("unsupported_media_type", _C, 415, None, False, "Send the body as Content-Type: application/json."),
        Row("header_too_large", _C, 431, None, False, "The request's headers are larger than this service accepts."),
        Row("rate_limited", _C, 429, None, True, "Too many requests with this key; wait for Retry-After."),
        Row("too_many_runs", _C, 429, None, True, "Too many runs of this key are live; wait for one to end."),
        Row("too_many_connections", _C, 429, 4429, True, "Too many open connections; close some or wait."),
        Row("too_many_frames", _C, 429, 1008, True, "Too many frames in a short time; slow down."),
        Row("slow_reader", _C, 408, 4408, True, "The connection did not take data in time; resume from the last event."),
        Row("key_revoked", _C, 401, 4401, False, "The key of this connection was revoked."),
        # The service.
        Row("internal", _S, 500, 1011, True, "Something failed inside the service; the log has the details."),
        Row("unavailable", _S, 503, 1013, True, "The service cannot take work right now; try again shortly."),
        Row("restarting", _S, 503, 1012, True, "The service is restarting; runs go on, reconnect shortly."),
        Row("too_many_attempts", _S, 200, None, True, "The run was interrupted too often and was given up."),
        Row("turn_limit", _S, 200, None, False, "The run reached its limit of model turns."),
        Row("token_limit", _S, 200, None, False, "The run reached its limit of tokens."),
        Row("time_limit", _S, 200, None, False, "The run reached its limit of wall time."),
        # The model's provider; these end a run.
        Row("upstream_overloaded", _U, 200, None, True, "The model is overloaded; try again in a while."),
        Row("upstream_rate_limited", _U, 200, None, True, "The model's provider limits our rate; try again in a while."),
        Row("upstream_unavailable", _U, 200, None, True, "The model's provider cannot be reached."),
        Row("upstream_timeout", _U, 200, None, True, "The model stayed silent for too long."),
        Row("upstream_dropped", _U, 200, None, True, "The model's answer broke off, several times in a row."),
        Row("upstream_rejected", _U, 200, None, False, "The model's provider refused the request."),
        Row("upstream_auth", _U, 200, None, False, "The model's provider refused the service's credentials."),
        Row("upstream_unknown_model", _U, 200, None, False, "The model's provider does not know the model."),
    )
}  # fmt: skip
"""Every code. Codes are stable; clients may switch on them."""


class OricodeError(Exception):
    """An error with a row of the table; the subclass says who is to blame."""

    def __init__(self, code: str, sentence: str | None = None, *, retry_after: float | None = None) -> None:
        row = TABLE[code]
        super().__init__(sentence or row.sentence)
        self.row = row
        self.sentence = sentence or row.sentence
        self.retry_after = retry_after
        """Seconds until another try makes sense; None when unknown."""

    @property
    def code(self) -> str:
        """The row's code."""
        return self.row.code

    def problem(self) -> dict[str, Any]:
        """The error as an RFC 9457 problem object; also the ``error`` of a WebSocket reply."""
        problem: dict[str, Any] = {
            "type": "about:blank",
            "title": self.row.code.replace("_", " "),
            "status": self.row.status,
            "code": self.row.code,
            "detail": self.sentence,
            "retryable": self.row.retryable,
        }
        if self.retry_after is not None:
            problem["retry_after_ms"] = int(self.retry_after * 1000)
        return problem


class ClientError(OricodeError):
    """The request must change, or wait."""


class ServiceError(OricodeError):
    """The service failed."""


class UpstreamError(OricodeError):
    """The model's provider failed."""


def error(code: str, sentence: str | None = None, *, retry_after: float | None = None) -> OricodeError:
    """The exception for ``code``, of the class that its blame asks for."""
    kind = {Blame.CLIENT: ClientError, Blame.SERVICE: ServiceError, Blame.UPSTREAM: UpstreamError}
    return kind[TABLE[code].blame](code, sentence, retry_after=retry_after)


def table() -> str:
    """The table as Markdown, for PROTOCOL.md."""
    rows = ["| code | blame | HTTP | close | retryable | sentence |", "| --- | --- | --- | --- | --- | --- |"]
    for row in TABLE.values():
        close = row.close if row.close is not None else "–"
        retry = "yes" if row.retryable else "no"
        rows.append(f"| `{row.code}` | {row.blame.value} | {row.status} | {close} | {retry} | {row.sentence} |")
    return "\n".join(rows) + "\n"
