"""One HTTP request and its response, as the application sees them: ASGI's ``send``, and the :class:`Outlet`.

In: messages and pieces of a body. Out: bytes on the connection. uvicorn's cycle composes the head, checks lengths and
ends the response; pieces of a chunked body go straight to the connection. Unlike uvicorn's own, ``send`` raises once
the peer is gone (ASGI 2.4), so that nobody needs a task that waits for the disconnect; a ``Connection`` header of the
application stands alone; and peers of HTTP/1.0, which know no chunks, get none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, cast

from uvicorn._types import (
    ASGI3Application,
    ASGIReceiveCallable,
    ASGISendCallable,
    ASGISendEvent,
    HTTPResponseStartEvent,
    Scope,
)
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from .connection import Connection
from .gone import PeerGone, finishes
from .outlet import EXTENSION, Outlet
from .state import State

if TYPE_CHECKING:
    from uvicorn._types import HTTPScope


class Exchange(Outlet):
    """An :class:`Outlet` over a chunked response."""

    __slots__ = ("_app", "_cycle", "_state")

    def __init__(
        self, cycle: RequestResponseCycle, connection: Connection, app: ASGI3Application, state: State
    ) -> None:
        super().__init__(connection)
        self._cycle = cycle
        self._app = app
        self._state = state
        scope: HTTPScope = cycle.scope
        scope["asgi"]["spec_version"] = "2.4"
        scope["extensions"] = {EXTENSION: cast(Any, self)}

    async def run(self) -> None:
        """Call the application; returns when it has."""
        try:
            await self._cycle.run_asgi(self._call)
        finally:
            self._cycle.scope.pop("extensions", None)  # the scope and this object hold each other

    async def _call(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        if not await finishes(self._app, scope, receive, self.send, self._cut_short):
            self._cycle.disconnected = True

    def _cut_short(self) -> bool:
        if self._state.draining:
            self._connection.abort("restarting")
        return self._state.draining

    async def send(self, message: ASGISendEvent) -> None:
        """ASGI's ``send``: waits while the peer does not keep up. Raises :class:`PeerGone`."""
        connection, cycle = self._connection, self._cycle
        if connection.write_paused or connection.closed:
            await connection.drain()
        if cycle.chunked_encoding and message["type"] == "http.response.body" and message.get("more_body"):
            if body := message.get("body"):
                self.write(body)
        elif message["type"] == "http.response.start" and not cycle.keep_alive and _has(message, b"connection"):
            cycle.keep_alive = True  # or the cycle would add a second header, `close`, that contradicts the first
            try:
                await cycle.send(message)
            finally:
                cycle.keep_alive = False
        else:
            if message["type"] == "http.response.start":
                connection.gather()
            await cycle.send(message)

    def write(self, data: bytes) -> bool:
        """See the base class."""
        connection, cycle = self._connection, self._cycle
        if connection.closed:
            raise PeerGone(connection.reason)
        if not cycle.chunked_encoding or cycle.response_complete:
            raise RuntimeError("the response has not begun, has a length, or has ended")
        if data and cycle.scope["method"] != "HEAD":
            connection.write(b"%x\r\n%b\r\n" % (len(data), data))
        return not connection.write_paused

    def on_close(self, callback: Callable[[], None]) -> None:
        """See the base class."""
        if not self._cycle.response_complete:
            super().on_close(callback)

    def write_all(self, messages: Iterable[bytes]) -> bool:
        """See the base class."""
        return self.write(b"".join(messages))


class OldExchange(Exchange):
    """For HTTP/1.0: a body whose length is not known beforehand ends where the connection does."""

    __slots__ = ("_bare",)

    _bare: bool
    """Whether the body has neither length nor chunks."""

    async def send(self, message: ASGISendEvent) -> None:
        """See the base class."""
        if message["type"] == "http.response.start":
            self._bare = not _has(message, b"content-length")
            if self._bare:
                self._cycle.chunked_encoding = False
        elif message["type"] == "http.response.body" and self._bare:
            self._cycle.expected_content_length = len(message.get("body", b""))  # any will do
        await super().send(message)

    def write(self, data: bytes) -> bool:
        """See the base class."""
        connection, cycle = self._connection, self._cycle
        if connection.closed:
            raise PeerGone(connection.reason)
        if not cycle.response_started or not self._bare or cycle.response_complete:
            raise RuntimeError("the response has not begun, has a length, or has ended")
        if data and cycle.scope["method"] != "HEAD":
            connection.write(data)
        return not connection.write_paused


def exchange(cycle: RequestResponseCycle, connection: Connection, app: ASGI3Application, state: State) -> Exchange:
    """The one for the request's version of HTTP."""
    kind = OldExchange if cycle.scope["http_version"] == "1.0" else Exchange
    return kind(cycle, connection, app, state)


def _has(message: HTTPResponseStartEvent, name: bytes) -> bool:
    return any(given.lower() == name for given, _ in message.get("headers", ()))
