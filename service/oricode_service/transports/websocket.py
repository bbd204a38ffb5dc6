"""WebSocket: the same events as SSE as frames, and commands with replies; several runs on one connection.

Here is what a client asks: the handshake, then commands, one after the other. A command is answered before any event it
causes. What the connection sends is ``websocket_outgoing``'s; ping frames and the pong deadline are the server layer's.
"""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from typing import Any

from oricode_protocol import codec, frames
from oricode_protocol.commands import Approve, Attach, Auth, Cancel, Chat, Command, Detach, ToolAnswer
from oricode_protocol.errors import OricodeError, error

from ..access.keys import Caller
from ..engine.runs import Asker, Engine
from ..store.port import StoreUnavailable
from .asgi import Receive, Scope, Send, header, outlet_of
from .attach import Attachment, Gone, attach
from .chat import address
from .problems import Refused, described
from .requests import Gate, checked_batch_ms, cursor_of
from .streams import Streams
from .websocket_outgoing import Outgoing

MAX_ATTACHED = 100
"""Runs one connection may read at once."""


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
        self._out = Outgoing(streams, send, outlet_of(scope))
        self._traceparent = {name: header(scope, name) for name in (b"traceparent", b"tracestate")}
        self._closing: asyncio.Task[None] | None = None
        self._watched = ExitStack()

    async def serve(self, receive: Receive) -> None:
        """Answer commands until the client goes away."""
        await self._out.event(self._streams.connected(None, None))
        self._engine.ports.logs.pulse.add(self._out)
        self._watch_key()
        try:
            while True:
                message = await receive()
                if message["type"] == "websocket.disconnect":
                    return
                text = message.get("text")
                if text is None:
                    reason = error("bad_frame")
                    await self._out.send(frames.refusal(None, reason))
                    await self._out.close(reason.row.close or 1008, reason.code)
                    return
                await self._command(text)
        finally:
            self._watched.close()
            await self._out.end()

    async def leave(self, reason: str) -> None:
        """Say that one shall come again, and close."""
        await self._out.leave(reason)

    def _watch_key(self) -> None:
        """End when the key that counts now is revoked; `auth` may have brought another one."""
        self._watched.close()
        self._watched.enter_context(self._streams.unless_revoked(self._caller, self._revoked))

    def _revoked(self) -> None:
        reason = error("key_revoked")
        self._closing = asyncio.create_task(self._out.close(reason.row.close or 1008, reason.code))

    def grown_old(self) -> None:
        """It reached its age."""
        self._out.ask_to_close("max_age")
        self._closing = asyncio.create_task(self.leave("max_age"))

    # Commands.

    async def _command(self, text: str) -> None:
        ref: str | int | None = None
        try:
            request = frames.parse_request(text)
            ref = request.ref
            found, data = await self._run(request.command)
        except frames.BadRequest as bad:
            await self._out.send(frames.refusal(bad.ref, bad.reason))
        except Refused as refused:
            await self._out.send(frames.refusal(ref, refused.reason))
        except Gone as gone:
            await self._out.send(frames.refusal(ref, gone.reason))
        except OricodeError as reason:
            await self._out.send(frames.refusal(ref, reason))
        except StoreUnavailable:
            await self._out.send(frames.refusal(ref, error("unavailable", retry_after=2)))
        else:
            await self._out.send(frames.reply(ref, data))
            if found is not None and not found.ended:
                self._out.show(found)

    async def _run(self, command: Command) -> tuple[Attachment | None, dict[str, Any]]:
        """Carry a command out: what to read from now on, and the reply."""
        engine, user = self._engine, self._caller.user
        match command:
            case Chat():
                return await self._chat(command)
            case Attach():
                return await self._attach(command)
            case Detach(run=run):
                if run not in self._out.attached:
                    raise error("not_attached")
                await self._out.detach(run)
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
        await self._out.detach(row.id)
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
        await self._out.detach(row.id)  # not earlier: a refused attach leaves the reader that was there
        data = {"run_id": row.id, "chat_id": row.chat_id, "resume": found.answer, "ended": found.ended}
        return found, data

    async def _room(self) -> None:
        if len(self._out.attached) >= MAX_ATTACHED:
            raise error("too_many_connections", f"A connection can read {MAX_ATTACHED} runs at once.", retry_after=1)
