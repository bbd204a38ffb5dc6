"""WebSocket: the same events as SSE as frames, and commands with replies; several runs on one connection.

One task reads commands, one a run pumps its reader. A command is answered before any event it causes. Ping frames and
the pong deadline are the server layer's; the typed heartbeat is here, because browsers cannot see pings.
"""

from __future__ import annotations

import asyncio
from contextlib import ExitStack, suppress
from typing import Any

from oricode_protocol import codec, frames
from oricode_protocol.commands import Approve, Attach, Auth, Cancel, Chat, Command, Detach, ToolAnswer
from oricode_protocol.errors import OricodeError, error
from oricode_protocol.events import Event

from ..access.keys import Caller
from ..engine.runs import Asker, Engine
from ..log.reader import LogTrimmed, Word
from ..log.run_log import framed
from ..store.port import StoreUnavailable
from ..store.rows import Record
from .asgi import Receive, Scope, Send, header, outlet_of
from .attach import Attachment, Gone, attach
from .chat import address
from .problems import Refused, described
from .requests import Gate, checked_batch_ms, cursor_of
from .server import PeerGone
from .streams import Streams

MAX_ATTACHED = 100
"""Runs one connection may read at once."""
CLOSE_RESTART = 1012
"""Also at the connection's age: it says that nothing is wrong and one may come again."""


class WebSocketEndpoint:
    """``GET /api/ws``."""

    def __init__(self, gate: Gate, engine: Engine, streams: Streams, sockets: set[Connection]) -> None:
        self._gate = gate
        self._engine = engine
        self._streams = streams
        self._sockets = sockets

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()  # websocket.connect
        subprotocol = frames.SUBPROTOCOL if frames.SUBPROTOCOL in scope["subprotocols"] else None
        from_browser = any(name == b"origin" for name, _ in scope["headers"])
        try:
            caller = await self._gate.caller(scope)
            with self._streams.counted("websocket", caller, address(scope)):
                await send({"type": "websocket.accept", "subprotocol": subprotocol})
                connection = Connection(self._gate, self._engine, self._streams, caller, send, scope)
                self._sockets.add(connection)
                try:
                    with self._streams.until_old(connection.grown_old):
                        await connection.serve(receive)
                finally:
                    self._sockets.discard(connection)
        except OricodeError as reason:
            if from_browser:  # a page cannot see a refused handshake's status, but it sees a close code
                await send({"type": "websocket.accept", "subprotocol": subprotocol})
                close = {"type": "websocket.close", "code": reason.row.close or 1008, "reason": reason.code}
                await send(close)
            else:
                await _refuse(send, reason)


async def _refuse(send: Send, reason: OricodeError) -> None:
    """Answer the handshake with the error's HTTP status (ASGI extension ``websocket.http.response``)."""
    headers = [(b"content-type", b"application/problem+json")]
    await send({"type": "websocket.http.response.start", "status": reason.row.status, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": codec.dumps(described(reason))})


class Connection:
    """One open WebSocket."""

    def __init__(self, gate: Gate, engine: Engine, streams: Streams, caller: Caller, send: Send, scope: Scope) -> None:
        self._gate = gate
        self._engine = engine
        self._streams = streams
        self._caller = caller
        self._send_message = send
        self._outlet = outlet_of(scope)
        self._traceparent = {name: header(scope, name) for name in (b"traceparent", b"tracestate")}
        self._pumps: dict[str, tuple[Attachment, asyncio.Task[None]]] = {}
        self._beats: asyncio.Task[None] | None = None
        self._closing: asyncio.Task[None] | None = None
        self._told: str | None = None
        """The reason of the last ``reconnect`` of a run."""
        self._watched = ExitStack()
        self._loop = asyncio.get_running_loop()
        self.wrote_at = self._loop.time()
        self.closed = False

    async def serve(self, receive: Receive) -> None:
        """Answer commands until the client goes away."""
        await self._event(self._streams.connected(None, None))
        self._engine.ports.logs.pulse.add(self)
        self._watch_key()
        try:
            while True:
                message = await receive()
                if message["type"] == "websocket.disconnect":
                    return
                text = message.get("text")
                if text is None:
                    reason = error("bad_frame")
                    await self._send(frames.refusal(None, reason))
                    await self.close(reason.row.close or 1008, reason.code)
                    return
                await self._command(text)
        finally:
            self.closed = True
            self._watched.close()
            for found, task in list(self._pumps.values()):
                found.reader.close()
                task.cancel()
            if self._pumps:
                await asyncio.wait([task for _, task in self._pumps.values()])

    def _watch_key(self) -> None:
        """End when the key that counts now is revoked; `auth` may have brought another one."""
        self._watched.close()
        self._watched.enter_context(self._streams.unless_revoked(self._caller, self._revoked))

    def _revoked(self) -> None:
        reason = error("key_revoked")
        self._closing = self._loop.create_task(self.close(reason.row.close or 1008, reason.code))

    def grown_old(self) -> None:
        """It reached its age."""
        for found, _ in self._pumps.values():
            found.reader.ask_to_close("max_age")
        self._closing = self._loop.create_task(self.leave("max_age"))

    # The connection's own sign of life: only when no run is attached, whose reader would beat.

    def beat(self) -> None:
        """The pulse's call."""
        if not self._pumps and self._beats is None:
            self._beats = self._loop.create_task(self._idle_beat())

    async def _idle_beat(self) -> None:
        try:
            await self._event(self._streams.heartbeat(None))
        except PeerGone:
            return
        finally:
            self._beats = None

    # Commands.

    async def _command(self, text: str) -> None:
        ref: str | int | None = None
        try:
            request = frames.parse_request(text)
            ref = request.ref
            found, data = await self._run(request.command)
        except frames.BadRequest as bad:
            await self._send(frames.refusal(bad.ref, bad.reason))
        except Refused as refused:
            await self._send(frames.refusal(ref, refused.reason))
        except Gone as gone:
            await self._send(frames.refusal(ref, gone.reason))
        except OricodeError as reason:
            await self._send(frames.refusal(ref, reason))
        except StoreUnavailable:
            await self._send(frames.refusal(ref, error("unavailable", retry_after=2)))
        else:
            await self._send(frames.reply(ref, data))
            if found is not None and not found.ended:
                self._pump_run(found)

    async def _run(self, command: Command) -> tuple[Attachment | None, dict[str, Any]]:
        """Carry a command out: what to read from now on, and the reply."""
        engine, user = self._engine, self._caller.user
        match command:
            case Chat():
                return await self._chat(command)
            case Attach():
                return await self._attach(command)
            case Detach(run=run):
                if run not in self._pumps:
                    raise error("not_attached")
                await self._detach(run)
                return None, {"run_id": run}
            case Cancel(run=run):
                await engine.cancel(user, run)
                return None, {"run_id": run, "status": (await engine.row(user, run)).status}
            case ToolAnswer(run=run, tool_call_id=call, content=content, is_error=is_error):
                answer = {"content": content, "is_error": bool(is_error)}
                await engine.answer(user, run, "tool", call, answer)
                return None, {}
            case Approve(run=run, approval_id=approval, decision=decision, comment=comment):
                await engine.answer(user, run, "approval", approval, {"decision": decision, "comment": comment})
                return None, {}
            case Auth(key=key):
                caller = await self._gate.recognise(key)
                if caller.user != user:
                    raise error("forbidden", "`auth` cannot change the user of a connection.")
                self._caller = caller
                self._watch_key()
                return None, {"user": caller.user}
        raise error("unknown_command")

    async def _chat(self, chat: Chat) -> tuple[Attachment, dict[str, Any]]:
        await self._room()
        if not await self._engine.began(self._caller.user, chat):
            await self._gate.charge(self._caller)
        asker = Asker(self._caller.user, self._caller.key_id, "websocket")
        with self._engine.ports.tracing.request("websocket chat", self._traceparent.get):
            row, _ = await self._engine.start(asker, chat)
        await self._detach(row.id)
        found = await attach(self._engine, row, None, "websocket", batch_ms=checked_batch_ms(chat.batch_ms))
        return found, {"run_id": row.id, "chat_id": row.chat_id}

    async def _attach(self, command: Attach) -> tuple[Attachment, dict[str, Any]]:
        await self._room()
        row = await self._engine.row(self._caller.user, command.run)
        cursor = cursor_of(command.after) if command.after else None
        found = await attach(
            self._engine,
            row,
            cursor,
            "websocket",
            from_snapshot=command.from_ is not None,
            batch_ms=checked_batch_ms(command.batch_ms),
        )
        await self._detach(row.id)  # not earlier: a refused attach leaves the reader that was there
        data = {"run_id": row.id, "chat_id": row.chat_id, "resume": found.answer, "ended": found.ended}
        return found, data

    async def _room(self) -> None:
        if len(self._pumps) >= MAX_ATTACHED:
            raise error("too_many_connections", f"A connection can read {MAX_ATTACHED} runs at once.", retry_after=1)

    async def _detach(self, run_id: str) -> None:
        held = self._pumps.pop(run_id, None)
        if held is not None:
            found, task = held
            found.reader.close()
            task.cancel()
            await asyncio.wait([task])

    # Events.

    def _pump_run(self, found: Attachment) -> None:
        task = self._loop.create_task(self._pump(found), name=f"pump of {found.row.id}")
        self._pumps[found.row.id] = (found, task)

    async def _pump(self, found: Attachment) -> None:
        reader, row = found.reader, found.row
        run = row.id.encode()
        try:
            with self._streams.viewing(found, None):
                await self._event(self._streams.connected(row, found.answer), run)
                if found.snapshot is not None:
                    snapshot_id = (found.snapshot_id or "").encode()
                    await self._send(frames.frame(b"snapshot", found.snapshot, run, snapshot_id))
                    found.snapshot = None
                await self._pages(found, run)
        except PeerGone:
            reader.close()  # the connection's own task learns of it too, and ends
        finally:
            if self._pumps.get(row.id, (None,))[0] is found:
                del self._pumps[row.id]

    async def _pages(self, found: Attachment, run: bytes) -> None:
        reader = found.reader
        full = False

        def write(messages: list[bytes]) -> None:
            nonlocal full
            if not self.closed:
                full = not self._outlet.write_all(messages)
                self.wrote_at = self._loop.time()
                reader.wrote()

        def eager(news: list[Record] | Word) -> bool:
            if full or self.closed:
                return False
            if isinstance(news, list):
                write(framed(reader.log, "websocket", news, _frames))
            else:
                write([_frame(self._streams.heartbeat(reader), run)])
            return True

        reader.eager = eager
        reader.wrote()
        while not reader.closed:
            if full:
                await self._outlet.drain()
                full = False
            try:
                page = await reader.next()
            except LogTrimmed:
                await self.close(1008, "gone")
                return
            if full:  # by what was written meanwhile
                await self._outlet.drain()
            if isinstance(page, list):
                write(framed(reader.log, "websocket", page, _frames))
            elif page is Word.BEAT:
                write([_frame(self._streams.heartbeat(reader), run)])
            elif page is Word.CLOSE:
                self._told = reader.close_reason or "restart"
                await self._event(self._streams.reconnect(self._told), run)
                return
            else:
                return
            del page  # while the peer stalls, what waits for it is held once: in the connection

    async def leave(self, reason: str) -> None:
        """Say that one shall come again, and close; readers were told and say it for their runs."""
        pumps = [task for _, task in self._pumps.values()]
        if pumps:
            await asyncio.wait(pumps, timeout=1)
        elif self._told != reason:  # else its runs were quicker
            with suppress(PeerGone):  # it left by itself
                await self._event(self._streams.reconnect(reason))
        await self.close(CLOSE_RESTART, reason)

    async def close(self, code: int, reason: str) -> None:
        """Close the connection, once."""
        if not self.closed:
            self.closed = True
            with suppress(PeerGone):  # then it is closed all the same
                await self._send_message({"type": "websocket.close", "code": code, "reason": reason})

    async def _event(self, event: Event, run: bytes = b"") -> None:
        await self._send(_frame(event, run))

    async def _send(self, *messages: bytes) -> None:
        if not self.closed:
            self.wrote_at = self._loop.time()
            room = self._outlet.write_all(messages)
            del messages
            if not room:
                await self._outlet.drain()


def _frame(event: Event, run: bytes) -> bytes:
    """An event of the connection itself, which has no id."""
    return frames.frame(event.event.encode(), codec.encode(event), run)


def _frames(run: bytes, page: list[Record]) -> list[bytes]:
    """A page of records as frames."""
    return [
        frame
        for record in page
        for frame in frames.frames(record.event.encode(), record.data, run, record.epoch, record.first)
    ]
