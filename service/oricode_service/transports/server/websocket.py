"""WebSocket on a connection: uvicorn's protocol over the websockets library, bounded in all a peer may send and owe.

In: a connection and the head of its upgrade request, then bytes. Out: calls of the application with whole messages;
``websocket.disconnect`` as soon as the peer is gone, with the close code it was (or would have been) told. Bounded: the
size, pieces and number of messages and the time for each to arrive; pings, by answering only peers that read; the time
for a pong. Extensions are never agreed on, compression among them.

Pinned to uvicorn 0.54: relies on which method of the base class calls which (``tests/server/test_pinned.py``).
"""

from __future__ import annotations

import random
from asyncio import AbstractEventLoop
from math import inf
from typing import Any, cast

from oricode_protocol.errors import TABLE
from uvicorn._types import ASGIReceiveCallable, ASGISendCallable, ASGISendEvent, Scope
from uvicorn.config import Config
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState
from websockets.frames import CloseCode
from websockets.http11 import Request
from websockets.protocol import OPEN

from .channel import Channel
from .connection import Connection
from .frames import FrameParser, TooMuch
from .gone import PeerGone, finishes
from .inbox import Inbox
from .outlet import EXTENSION
from .refusals import refusal
from .state import State


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """One connection from its upgrade to its end."""

    __slots__ = (
        "_application", "_channel", "_discarded", "_lingering", "_messages", "_ping_due", "_ping_end", "_pong_due",
        "_rest_due", "_state", "_told", "connection",
    )  # fmt: skip

    conn: FrameParser

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._state = cast(State, server_state)
        self._application = self.app
        self.app = self._call
        self.conn = FrameParser(self._state.limits, self.loop.time)
        self.queue = cast(Any, Inbox())
        self._told = False
        """The application knows that the peer is gone."""
        self._messages = 0
        self._rest_due = inf
        """When the message that has begun to arrive must have arrived."""
        self._ping_due = inf
        self._pong_due = inf
        self._ping_end = 0
        """How many bytes must have left for the ping to have left."""
        self._lingering = False
        """Refused, and has a moment to read so; what still comes is thrown away."""
        self._discarded = 0

    # The connection.

    def take_over(self, connection: Connection, head: bytes) -> None:
        """Speak WebSocket on ``connection``; ``head`` is the upgrade request, whole."""
        self.connection = connection
        connection.owner = self
        self._channel = Channel(connection, self.conn)
        self.connection_made(connection)
        self.writable = cast(Any, connection.writable)
        connection.set_protocol(self)
        self.data_received(head)
        if not self.handshake_initiated:  # no WebSocket request after all; the library has an answer, or none
            self.connection.write(b"".join(self.conn.data_to_send()) or refusal("invalid_request"))
            self.connection.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """The loop's call."""
        self._tell(CloseCode.ABNORMAL_CLOSURE, "")
        super().connection_lost(exc)
        self.connection.lost()

    def eof_received(self) -> None:
        """The loop's call. The peer left without a close frame."""
        self._tell(CloseCode.ABNORMAL_CLOSURE, "")
        self.connection.gone("peer")
        self.connection.close()

    def cut(self, reason: str) -> None:
        """The connection's call: it is about to be aborted."""
        row = TABLE.get(reason)
        self._tell(row.close if row and row.close else CloseCode.ABNORMAL_CLOSURE, reason)

    def pause_writing(self) -> None:
        """The transport's call."""
        self.connection.pause_writing()

    def resume_writing(self) -> None:
        """The transport's call."""
        self.connection.resume_writing()

    def shutdown(self) -> None:
        """The server's call: end it with 1012."""
        if not self.handshake_complete or self.conn.state is OPEN:
            super().shutdown()
        else:
            self.connection.close()
        self._told = True
        self.connection.gone("restarting")

    def _tell(self, code: int, reason: str) -> None:
        if not self._told:
            self._told = True
            self.queue.put_nowait({"type": "websocket.disconnect", "code": int(code), "reason": reason})

    # What comes in.

    def data_received(self, data: bytes) -> None:
        """The loop's call."""
        if self._lingering:
            self._discarded += len(data)
            if self._discarded > self._state.limits.linger_bytes:
                self.connection.abort()
            return
        super().data_received(data)
        if not self.conn.unfinished or self._messages != self.conn.messages:
            self._messages = self.conn.messages
            self._rest_due = inf
        if self.conn.unfinished and self._rest_due == inf:
            self._rest_due = self.loop.time() + self._state.limits.body_seconds
            self.connection.wake_at(self._rest_due)

    def handle_connect(self, event: Request) -> None:
        """The base class's call: the upgrade request has arrived."""
        super().handle_connect(event)
        event.headers.clear()  # kilobytes, for as long as the connection lives; the scope has what they said
        if self.response.status_code == 101:
            self.scope["extensions"][EXTENSION] = cast(Any, self._channel)

    def send_receive_event_to_app(self) -> None:
        """The base class's call: a message is whole. (Does what the base class does, without logging bad UTF-8.)"""
        data = b"".join(self.frames)
        self.frames = []
        if self.close_sent:
            return
        if self.curr_msg_data_type == "bytes":
            self.queue.put_nowait({"type": "websocket.receive", "bytes": data})
        else:
            try:
                self.queue.put_nowait({"type": "websocket.receive", "text": data.decode()})
            except UnicodeDecodeError:
                self.conn.fail(CloseCode.INVALID_DATA, "not UTF-8")
                self.handle_parser_exception()
                return
        if not self.read_paused:
            self.read_paused = True
            self.connection.pause_reading()

    def handle_ping(self) -> None:
        """The base class's call: pongs are ready. A peer that does not read gets none."""
        pongs = self.conn.data_to_send()
        if not self.connection.write_paused:
            self.connection.write(b"".join(pongs))

    def handle_close(self, event: Any) -> None:
        """The base class's call: the peer sent a close frame."""
        super().handle_close(event)
        self._told = True
        self.connection.gone("peer")

    def handle_parser_exception(self) -> None:
        """The base class's call: the peer broke the protocol or a bound, and ``conn`` has a close frame for it."""
        assert self.conn.close_sent is not None
        close = self.conn.close_sent
        name = str(self.conn.parser_exc) if isinstance(self.conn.parser_exc, TooMuch) else "peer"
        self._refuse(close.code, close.reason, name)

    def _refuse(self, code: int, reason: str, name: str) -> None:
        """Send the close frame that ``conn`` holds, tell the application, and read no further."""
        stuck = self.connection.get_write_buffer_size() > 0
        self._state.census.cuts[name] += 1
        self._tell(code, reason)
        self.connection.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.connection.gone(name)
        if stuck:  # it would wait behind what the peer does not take
            self.connection.abort()
            return
        self._lingering = True
        self.connection.write_eof()
        self.connection.resume_reading()
        # The base class closes when the application returns, unless this timer of its own is running.
        self.close_timer = self.loop.call_later(self._state.limits.linger_seconds, self.connection.close)

    # What goes out.

    async def _call(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        try:
            if await finishes(self._application, scope, receive, send, self._cut_short):
                return
        except Exception:
            if self.conn.state is OPEN:  # say so to the peer, too; the base class logs it
                self.conn.fail(CloseCode.INTERNAL_ERROR)
                self._refuse(CloseCode.INTERNAL_ERROR, "", "internal")
            raise
        raise PeerGone(self.connection.reason)

    def _cut_short(self) -> bool:
        if self._state.draining:
            self.connection.abort("restarting")
        return self._state.draining

    async def send(self, message: ASGISendEvent) -> None:
        """ASGI's ``send``: waits while the peer does not keep up. Raises :class:`PeerGone`."""
        if self.connection.write_paused or self.connection.closed:
            await self.connection.drain()
        if self.handshake_complete and not self.close_sent and (text := message.get("text")) is not None:
            self._channel.write(text.encode())  # type: ignore[attr-defined]
        else:
            await super().send(message)

    # Deadlines.

    def start_keepalive(self) -> None:
        """The base class's call: the application has accepted."""
        self.response.headers.clear()
        heartbeat = self._state.limits.heartbeat_seconds
        self._ping_due = self.loop.time() + heartbeat * random.uniform(0.5, 1)  # spread after a storm
        self.connection.wake_at(self._ping_due)

    def handle_pong(self, event: Any) -> None:
        """The base class's call. Only the answer to the last ping counts."""
        if self.pending_ping_payload is not None and bytes(event.data) == self.pending_ping_payload:
            self.pending_ping_payload = None
            self._pong_due = inf
            self._ping_due = self.loop.time() + self._state.limits.heartbeat_seconds
            self.connection.wake_at(self._ping_due)

    def check(self, now: float) -> float:
        """The connection's call; see :class:`Owner`."""
        if self.close_sent:
            return inf
        if self.connection.read_paused:  # it is the application that does not read; a pong may be among it
            self._rest_due = max(self._rest_due, now + self._state.limits.body_seconds)
            self._pong_due = max(self._pong_due, now + self._state.limits.pong_seconds)
        if now >= self._rest_due:
            self._fail(CloseCode.POLICY_VIOLATION, "the message did not arrive in time", "request_timeout")
        elif now >= self._pong_due and self.connection.taken() < self._ping_end:
            self._pong_due = now + self._state.limits.pong_seconds  # the ping is still here: a slow reader's matter
        elif now >= self._pong_due:
            self._fail(CloseCode.INTERNAL_ERROR, "keepalive ping timeout", "pong_timeout")
        elif now >= self._ping_due:
            self._ping(now)
        return min(self._rest_due, self._ping_due, self._pong_due)

    def _fail(self, code: CloseCode, reason: str, name: str) -> None:
        self.conn.fail(code, reason)
        self._refuse(code, reason, name)

    def _ping(self, now: float) -> None:
        self.pending_ping_payload = random.randbytes(4)
        self.conn.send_ping(self.pending_ping_payload)
        self.connection.write(b"".join(self.conn.data_to_send()))
        self._ping_end = self.connection.handed
        self._ping_due = inf
        self._pong_due = now + self._state.limits.pong_seconds
