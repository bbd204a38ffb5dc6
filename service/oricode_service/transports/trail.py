"""What every request leaves behind: an id, a line in the log, a span.

Stands outside everything else. The id is the client's ``X-Request-ID`` when that is a sane one, else a new one; it goes
back in the same header, into error bodies, and into every log line that is written on the request's behalf, those of a
run that it started among them. The line holds method, path and outcome, never a query string; it is written when the
request is over, which for a stream is its end.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable

from oricode_protocol.ids import new_id

from ..engine.observer import mark
from ..engine.tracing import Tracing
from .asgi import App, Message, Receive, Scope, Send, header
from .server import PeerGone

_SANE = re.compile(r"[A-Za-z0-9._:-]{1,128}\Z", re.ASCII)
_KEY = re.compile(r"ok_[A-Za-z0-9]{12}_[A-Za-z0-9]+")
_QUIET = frozenset({"/healthz", "/readyz", "/metrics"})
"""Asked all the time by machines: logged at level debug, not traced."""
_STARTS = frozenset({"http.response.start", "websocket.http.response.start", "websocket.accept"})
MOST_OF_PATH = 200
_log = logging.getLogger("oricode.requests")


class Trail:
    """Wraps the application. ``lines``: whether to log requests."""

    def __init__(self, app: App, tracing: Tracing, lines: bool) -> None:
        self._app = app
        self._tracing = tracing
        self._lines = lines

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        given = header(scope, b"x-request-id")
        request_id = given if given is not None and _SANE.match(given) else new_id("req")
        mark(request=request_id)
        own = (b"x-request-id", request_id.encode("ascii"))
        status = 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] in _STARTS:
                status = message.get("status", 101)
                message["headers"] = [*message.get("headers", ()), own]
            await send(message)

        began = time.monotonic()
        left = False
        try:
            await self._traced(scope, receive, send_with_id, lambda: status)
        except PeerGone:
            left = True
            raise
        finally:
            if self._lines:
                _line(scope, status, time.monotonic() - began, left)

    async def _traced(self, scope: Scope, receive: Receive, send: Send, status: Callable[[], int]) -> None:
        if scope["type"] == "websocket" or scope["path"] in _QUIET:  # a WebSocket's commands are traced by themselves
            await self._app(scope, receive, send)
            return
        left: PeerGone | None = None
        with self._tracing.request(scope["method"], lambda name: header(scope, name)) as told:
            try:
                await self._app(scope, receive, send)
            except PeerGone as gone:  # no failure of the request's
                left = gone
            finally:
                told(getattr(scope.get("route"), "path", None), status())
        if left is not None:
            raise left


def _line(scope: Scope, status: int, seconds: float, left: bool) -> None:
    path = scope.get("raw_path", b"").partition(b"?")[0].decode("ascii", "backslashreplace")
    shown = _KEY.sub("ok_…", path)[:MOST_OF_PATH]
    method = scope["method"] if scope["type"] == "http" else "WEBSOCKET"
    known = {
        "method": method,
        "path": shown,
        "status": status,
        "ms": round(seconds * 1000, 1),
        "address": str((scope.get("client") or ("",))[0]),
    }
    if left:
        known["left"] = True
    level = logging.DEBUG if shown in _QUIET else logging.INFO
    _log.log(level, "%s %s %d", method, shown, status, extra={"known": known})
