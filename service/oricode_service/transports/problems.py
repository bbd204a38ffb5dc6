"""Errors as HTTP answers: ``application/problem+json`` (RFC 9457) with the row's status."""

from __future__ import annotations

import math
from typing import Any

from oricode_protocol import codec
from oricode_protocol.errors import OricodeError, error
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from ..engine.observer import IDS
from ..store.port import StoreUnavailable

_BY_STATUS = {404: "not_found", 405: "method_not_allowed"}


class Refused(Exception):
    """An error with headers of its own (rate limits)."""

    def __init__(self, reason: OricodeError, headers: dict[str, str] | None = None) -> None:
        super().__init__(reason.sentence)
        self.reason = reason
        self.headers = headers or {}


def described(reason: OricodeError) -> dict[str, Any]:
    """The problem object of an error, with the id of the request that it answers."""
    request = IDS.get().get("request")
    return reason.problem() | ({"request_id": request} if request is not None else {})


def problem(reason: OricodeError, headers: dict[str, str] | None = None, **members: object) -> Response:
    """The answer for an error; ``members`` extend the problem object."""
    sent = dict(headers or {})
    if reason.retry_after is not None:
        sent.setdefault("Retry-After", str(max(1, math.ceil(reason.retry_after))))
    if reason.row.status == 401:
        sent.setdefault("WWW-Authenticate", "Bearer")
    body = codec.dumps(described(reason) | members)
    return Response(body, reason.row.status, sent, media_type="application/problem+json")


def as_problem(cause: Exception) -> Response:
    """The answer for whatever a handler raised."""
    if isinstance(cause, Refused):
        return problem(cause.reason, cause.headers)
    if isinstance(cause, OricodeError):
        return problem(cause)
    if isinstance(cause, StoreUnavailable):
        return problem(error("unavailable", "The database cannot be reached right now.", retry_after=2))
    if isinstance(cause, HTTPException) and cause.status_code in _BY_STATUS:
        return problem(error(_BY_STATUS[cause.status_code]), dict(cause.headers or {}))
    return problem(error("internal"))


async def handler(request: Request, cause: Exception) -> Response:
    """For Starlette's ``exception_handlers``."""
    return as_problem(cause)


HANDLERS = {OricodeError: handler, Refused: handler, StoreUnavailable: handler, HTTPException: handler}
