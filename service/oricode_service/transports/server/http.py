"""HTTP/1.1 on a connection: uvicorn's protocol over httptools, with bounds on all that a peer may send and owe.

In: bytes. Out: calls of the application, or a refusal of the protocol's error table (400, 408, 413, 429, 431, 503).
Bounded: the head, trailers, chunk extensions and anything else that the parser gathers without telling; the body;
requests sent ahead; the time for each. A refusal in the middle of another response's bytes is a reset instead.

Pinned to uvicorn 0.54: relies on which method of the base class calls which (``tests/server/test_pinned.py``).
"""

from __future__ import annotations

import asyncio
from math import inf
from typing import Any, cast

import httptools
from uvicorn._types import ASGI3Application
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from .bell import Bell
from .connection import Connection
from .exchange import exchange
from .refusals import Refused, refusal
from .state import State
from .websocket import WebSocketProtocol

_IDLE, _HEAD, _BODY, _COMPLETE = range(4)
"""What has arrived of the latest request: nothing, part of the head, part of the body, all of it."""
_NOT_HTTP = "The request is not valid HTTP."


class HttpProtocol(HttpToolsProtocol):
    """One connection until it closes or becomes a WebSocket."""

    __slots__ = (
        "_body_bytes", "_deadline", "_head_bytes", "_ignoring_upgrade", "_limits", "_lingering", "_phase", "_running",
        "_state", "_unseen", "connection",
    )  # fmt: skip

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._state = cast(State, server_state)
        self._limits = self._state.limits
        self.pipeline = cast(Any, _Pipeline(self._limits.pipelined))
        self._phase = _IDLE
        self._deadline = inf
        self._running: RequestResponseCycle | None = None
        """The request that the application is answering; the pipeline holds those behind it."""
        self._head_bytes = 0
        self._body_bytes = 0
        self._unseen = 0
        """Bytes fed since the parser last told of anything: what it holds back is not more."""
        self._ignoring_upgrade = False
        """The head offers to upgrade to something we do not speak, such as HTTP/2 (Java's client always does)."""
        self._lingering = False
        """Refused; what still comes is thrown away."""

    # The connection.

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """The loop's call."""
        self.connection = Connection(transport, self, self._state)
        super().connection_made(self.connection)
        self.flow = cast(Any, self.connection)
        self._expect(_IDLE, self._limits.head_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        """The loop's call."""
        self._tell()
        super().connection_lost(exc)
        self.connection.lost()

    def eof_received(self) -> None:
        """The loop's call. A peer that sends no more is taken to be gone; its transport closes when it is flushed."""
        self._tell()
        self.connection.gone("peer")
        self.connection.close()

    def cut(self, reason: str) -> None:
        """The connection's call: it is about to be aborted."""
        self._tell()

    def _tell(self) -> None:
        """Let the applications of all unanswered requests know that the peer is gone."""
        for cycle in (self._running, *(waiting for waiting, _ in self.pipeline)):
            if cycle is not None and not cycle.response_complete:
                cycle.disconnected = True
                cycle.message_event.set()

    @property
    def arriving(self) -> bool:
        """Whether a request is on its way in: the first one, or one of which the beginning is there."""
        return not self._lingering and (self._phase in (_HEAD, _BODY) or (self._phase == _IDLE and self.cycle is None))

    # What comes in.

    def data_received(self, data: bytes) -> None:
        """The loop's call."""
        self._unseen += len(data)
        if self._lingering:
            if self._unseen > self._limits.linger_bytes:
                self.connection.abort("peer")
            return
        try:
            self._feed(data)
        except httptools.HttpParserError as error:
            reason = error.__context__
            self._refuse(reason if isinstance(reason, Refused) else Refused("invalid_request", _NOT_HTTP))
        else:
            if self._unseen > self._limits.head_bytes:
                self._refuse(Refused("header_too_large"))

    def _feed(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            if not self._ignoring_upgrade:
                self._upgrade()
                return
            # The parser takes any offer to upgrade for the end of HTTP, and drops the body. Start again without it.
            version = self.parser.get_http_version().encode("ascii")
            head = self._head(version, without=(b"upgrade", b"connection", b"http2-settings"))
            self._ignoring_upgrade = False
            self.parser = httptools.HttpRequestParser(self)
            self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
            self._feed(head + data[upgrade.args[0] :])

    def _head(self, version: bytes = b"1.1", without: tuple[bytes, ...] = ()) -> bytes:
        """The head of the latest request, as bytes again."""
        lines = [b"%b %b HTTP/%b" % (self.scope["method"].encode("ascii"), self.url, version)]
        lines += [name + b": " + value for name, value in self.headers if name not in without]
        return b"\r\n".join([*lines, b"", b""])

    def on_message_begin(self) -> None:
        """The parser's call."""
        self._unseen = self._head_bytes = self._body_bytes = 0
        self._expect(_HEAD, self._limits.head_seconds)
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """The parser's call, with a piece of the target."""
        self._count_head(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """The parser's call, with a header or a trailer; trailers are counted and dropped."""
        self._count_head(len(name) + len(value) + 4)
        if self._phase == _HEAD:
            if len(self.headers) >= self._limits.head_count:
                raise Refused("header_too_large")
            super().on_header(name, value)

    def _count_head(self, size: int) -> None:
        self._unseen = 0
        self._head_bytes += size
        if self._head_bytes > self._limits.head_bytes:
            raise Refused("header_too_large")

    def on_headers_complete(self) -> None:
        """The parser's call."""
        self._unseen = 0
        self._expect(_BODY, self._limits.body_seconds)
        if self.parser.should_upgrade() and not self._should_upgrade():
            self.scope["method"] = self.parser.get_method().decode("ascii")
            if self.scope["method"] == "CONNECT":
                raise Refused("method_not_allowed")
            self._ignoring_upgrade = True
            return
        if self.connection.refusal is not None and self.url.partition(b"?")[0] not in self._limits.health_paths:
            raise Refused(self.connection.refusal)
        for name, value in self.headers:
            if name == b"content-length" and int(value) > self._limits.body_bytes:
                raise Refused("body_too_large")
        super().on_headers_complete()
        if self.pipeline:
            self.connection.resume_reading()  # the base class pauses it; but then nobody would hear of the peer's end
        if self.cycle is not None and self.connection.refusal is not None:
            self.cycle.keep_alive = False  # its place is for the next health check

    def on_chunk_header(self) -> None:
        """The parser's call."""
        self._unseen = 0

    def on_body(self, body: bytes) -> None:
        """The parser's call, with a piece of the body."""
        self._unseen = 0
        self._body_bytes += len(body)
        if self._body_bytes > self._limits.body_bytes:
            raise Refused("body_too_large")
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The parser's call."""
        if self._ignoring_upgrade:
            return
        self._unseen = 0
        super().on_message_complete()
        answered = self.cycle is None or self.cycle.response_complete
        self._expect(_IDLE if answered else _COMPLETE, self._limits.idle_seconds if answered else inf)

    def _upgrade(self) -> None:
        if self._running is not None:
            self._refuse(Refused("invalid_request", _NOT_HTTP))
            return
        self.connections.discard(self)
        upgraded = WebSocketProtocol(self.config, self._state, self.app_state)
        upgraded.take_over(self.connection, self._head())

    # What goes out.

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._running = cycle
        cycle.message_event = cast(asyncio.Event, Bell(rung=cycle.message_event.is_set()))
        task = self.loop.create_task(exchange(cycle, self.connection, app, self._state).run())
        task.add_done_callback(self.tasks.discard)
        self.tasks.add(task)

    def on_response_complete(self) -> None:
        """The cycle's call. (Does what the base class does, with the wheel for a timer.)"""
        self.server_state.total_requests += 1
        self._running = None
        self.connection.forget_callbacks()
        if self.connection.is_closing():
            return
        self.connection.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        elif self._phase == _COMPLETE:
            self._expect(_IDLE, self._limits.idle_seconds)

    # Deadlines.

    def _expect(self, phase: int, seconds: float) -> None:
        self._phase = phase
        self._deadline = self.loop.time() + seconds
        self.connection.wake_at(self._deadline)

    def check(self, now: float) -> float:
        """The connection's call; see :class:`Owner`."""
        if now < self._deadline:
            return self._deadline
        if self._phase == _BODY and self.connection.read_paused:  # it is the application that does not read
            self._expect(_BODY, self._limits.body_seconds)
        elif self._lingering or (self._phase == _IDLE and not self._unseen):
            self._deadline = inf
            self.connection.close()
        else:
            self._refuse(Refused("request_timeout"))
        return self._deadline

    def send_400_response(self, msg: str) -> None:
        """The base class's call."""
        self._refuse(Refused("invalid_request", _NOT_HTTP))

    def _refuse(self, why: Refused) -> None:
        """Answer instead of the application, and read no further."""
        if self._lingering:
            return
        running = self._running
        if self.pipeline or (running is not None and running.response_started):
            self.connection.abort(why.code)
            return
        self._state.census.cuts[why.code] += 1
        self._lingering = True
        self._unseen = 0
        self._tell()
        self.connection.write(refusal(why.code, why.sentence))
        self.connection.gone(why.code)
        self.connection.write_eof()
        self.connection.resume_reading()
        self._deadline = self.loop.time() + self._limits.linger_seconds
        self.connection.wake_at(self._deadline)


class _Pipeline(list[tuple[RequestResponseCycle, ASGI3Application]]):
    """Requests that wait for the answer to the one before: those calls of a deque that the base class makes."""

    __slots__ = ("_most",)

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most

    def appendleft(self, waiting: tuple[RequestResponseCycle, ASGI3Application]) -> None:
        if len(self) >= self._most:
            raise Refused("invalid_request", "Too many requests were sent ahead.")
        self.insert(0, waiting)
