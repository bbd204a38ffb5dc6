"""A service that plays a script, one act for each connection, over SSE, WebSocket and JSON alike.

An act is what one start or resume gets: a list of events and faults, or a refusal. Acts read like a sentence:

    service.plays(
        Act(connected(), *story[:3], DROP),
        Act(connected("replay"), *story[3:]),
    )

What the client asked is kept in ``asked``. Other requests (cancel, answers, documents) are answered from ``replies``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from oricode_protocol import codec, frames, sse
from websockets.frames import Opcode
from websockets.http11 import Request as HandshakeRequest
from websockets.server import ServerProtocol

RUN, CHAT = "run_Scripted000000000000001", "chat_Scripted00000000000001"
Fault = Literal["drop", "end", "silence", "garbage", "hold"]
DROP: Fault = "drop"
"""Abort the connection."""
END: Fault = "end"
"""End the stream in good order, without ``done``."""
SILENCE: Fault = "silence"
"""Say nothing more; ends when the client hangs up."""
GARBAGE: Fault = "garbage"
"""Bytes that are no event."""
HOLD: Fault = "hold"
"""Wait until ``service.release`` is set."""


@dataclass(frozen=True)
class Said:
    """One event."""

    event: str
    data: dict[str, Any]
    id: str = ""


class Act:
    """What one connection gets, if it is accepted."""

    def __init__(self, *steps: Said | Fault, ended: bool = False, retry_ms: int | None = None) -> None:
        self.steps = steps
        self.ended = ended
        self.retry_ms = retry_ms


@dataclass(frozen=True)
class Refusal:
    """A status instead of a stream; over WebSocket a refused command."""

    status: int
    code: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None

    @property
    def problem(self) -> dict[str, Any]:
        return {"code": self.code, "detail": f"Refused: {self.code}."} if self.code else {}


@dataclass(frozen=True)
class JsonAnswer:
    """A document, after so many heartbeats of white space."""

    document: dict[str, Any]
    heartbeats: int = 0
    cut_after: int | None = None
    """Drop the connection after this many bytes of the document."""


@dataclass(frozen=True)
class Asked:
    """A request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any = None

    @property
    def after(self) -> str:
        """The cursor it named, whatever the transport."""
        if self.method == "WS":
            return str(self.body["data"].get("after", ""))
        return self.headers.get("last-event-id", "")

    @property
    def idempotency_key(self) -> str:
        if self.method == "WS":
            return str(self.body["data"].get("idempotency_key", ""))
        return self.headers.get("idempotency-key", "")


def connected(resume: str = "new", heartbeat_ms: int = 15_000) -> Said:
    data = {"message": "Connected to Oricode AI", "run_id": RUN, "chat_id": CHAT, "protocol": 1}
    return Said("connected", {**data, "heartbeat_ms": heartbeat_ms, "resume": resume, "server_time": 1})


def heartbeat() -> Said:
    return Said("heartbeat", {"timestamp": 1_000, "state": "model", "quiet_ms": 5})


def story(*texts: str) -> list[Said]:
    """A whole run that says ``texts``, one delta each."""
    start = {"message": "Message started", "message_id": "msg_1", "turn": 1, "attempt": 1, "model": "scripted"}
    usage = {"input_tokens": 3, "output_tokens": len(texts)}
    said = [
        ("message_start", start),
        *(("content", {"text": text, "index": 0}) for text in texts),
        ("message_stop", {"message": "Message complete", "message_id": "msg_1", "stop_reason": "end_turn"}),
        ("done", {"message": "Complete", "status": "completed", "stop_reason": "end_turn", "usage": usage}),
    ]
    return numbered(said)


def numbered(events: list[tuple[str, dict[str, Any]]], start: int = 1) -> list[Said]:
    """Durable events with their ids."""
    return [Said(event, data, f"{RUN}.1.{seq}") for seq, (event, data) in enumerate(events, start)]


Scripted = Act | Refusal | JsonAnswer


class ScriptedService:
    """Listens on a port of its own while entered."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.replies: dict[tuple[str, str], list[tuple[int, dict[str, Any]]]] = {}
        """(method, path) -> answers in order; the last one stays."""
        self.release = asyncio.Event()
        self.changed = asyncio.Condition()
        self._acts: list[Scripted] = []
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.url = ""

    def plays(self, *acts: Scripted) -> None:
        """What the next starts and resumes get, in order."""
        self._acts.extend(acts)

    @property
    def starts_and_resumes(self) -> list[Asked]:
        return [a for a in self.asked if a.path in ("/api/chat", "/api/ws") or a.path.endswith("/events")]

    async def wait_until_asked(self, matches: Callable[[Asked], bool], times: int = 1) -> None:
        """Return when ``times`` requests that match have come; bounded."""
        async with asyncio.timeout(5), self.changed:
            await self.changed.wait_for(lambda: sum(map(matches, self.asked)) >= times)

    async def __aenter__(self) -> ScriptedService:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._answer(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                if not await self._serve(head, reader, writer):
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            return  # the client hung up, as clients do
        finally:
            writer.close()

    async def _serve(self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """One request; False when the connection is over."""
        method, path, headers = _parse(head)
        if headers.get("upgrade") == "websocket":
            await _Socket(self, head, headers, reader, writer).serve()
            return False
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        await self.note(Asked(method, path, headers, codec.loads(body) if body else None))
        replies = self.replies.get((method, path))
        if replies:
            status, document = replies.pop(0) if len(replies) > 1 else replies[0]
            writer.write(_response(status, {"content-type": "application/json"}, codec.dumps(document)))
            await writer.drain()
            return True
        act = self.next_act()
        if isinstance(act, Refusal):
            kind = "application/problem+json" if act.body is None else "text/html"
            body = act.body if act.body is not None else codec.dumps(act.problem)
            writer.write(_response(act.status, {"content-type": kind, **act.headers}, body))
            await writer.drain()
            return True
        if isinstance(act, JsonAnswer):
            await self._json(act, writer)
        elif act.ended:
            writer.write(_response(204, {}, b""))
        else:
            await self._stream(act, reader, writer)
        return False

    async def _json(self, answer: JsonAnswer, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n")
        for _ in range(answer.heartbeats):
            writer.write(b"1\r\n \r\n")
            await writer.drain()
        body = codec.dumps(answer.document)[: answer.cut_after]
        writer.write(b"%x\r\n%b\r\n" % (len(body), body) + (b"" if answer.cut_after is not None else b"0\r\n\r\n"))
        await writer.drain()

    async def _stream(self, act: Act, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n")
        retry_ms = act.retry_ms
        for step in act.steps:
            if isinstance(step, Said):
                writer.write(sse.block(step.event.encode(), codec.dumps(step.data), step.id.encode(), retry_ms))
                retry_ms = None
                await writer.drain()
            elif not await self.fault(step, writer, reader.read, b"event: content\ndata: {\n\n"):
                return

    async def fault(self, fault: Fault, writer: asyncio.StreamWriter, until_gone: Any, garbage: bytes) -> bool:
        """Commit ``fault``; True when the act goes on after it."""
        if fault == DROP:
            await asyncio.sleep(0)
            writer.transport.abort()
        elif fault == SILENCE:
            await until_gone(1)
        elif fault == GARBAGE:
            writer.write(garbage)
            return True
        elif fault == HOLD:
            await self.release.wait()
            return True
        return False

    async def note(self, asked: Asked) -> None:
        async with self.changed:
            self.asked.append(asked)
            self.changed.notify_all()

    def next_act(self) -> Scripted:
        """The act for the request that came last; a refusal that no client repeats when the script is over."""
        return self._acts.pop(0) if self._acts else Refusal(400, "invalid_request")


class _Socket:
    """One WebSocket: the same acts as frames."""

    def __init__(
        self,
        service: ScriptedService,
        head: bytes,
        headers: dict[str, str],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self._service, self._headers, self._reader, self._writer = service, headers, reader, writer
        self._protocol = ServerProtocol(subprotocols=[frames.SUBPROTOCOL])  # type: ignore[list-item]
        self._protocol.receive_data(head)

    async def serve(self) -> None:
        handshake = self._protocol.events_received()[0]
        assert isinstance(handshake, HandshakeRequest)
        self._protocol.send_response(self._protocol.accept(handshake))
        await self._flush()
        request = codec.loads(await self._text())
        await self._service.note(Asked("WS", "/api/ws", self._headers, request))
        act = self._service.next_act()
        assert not isinstance(act, JsonAnswer)
        await self._say({"event": "connected", "data": {"message": "Connected to Oricode AI", "protocol": 1}})
        if isinstance(act, Refusal):
            await self._say({"ref": request["ref"], "ok": False, "error": {"status": act.status, **act.problem}})
            await self._closed()
            return
        reply = {"run_id": RUN, "chat_id": CHAT, "resume": "new", "ended": act.ended}
        await self._say({"ref": request["ref"], "ok": True, "data": reply})
        for step in act.steps:
            if isinstance(step, Said):
                triple = {"run": RUN, "event": step.event, "data": step.data}
                await self._say({"id": step.id, **triple} if step.id else triple)
            elif step == END:
                self._protocol.send_close(1012, "restart")
                await self._flush()
            elif step == GARBAGE:
                await self._say([])
            elif not await self._service.fault(step, self._writer, self._reader.read, b""):
                return
        await self._closed()

    async def _say(self, frame: Any) -> None:
        self._protocol.send_text(codec.dumps(frame))
        await self._flush()

    async def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            if data:
                self._writer.write(data)
        await self._writer.drain()

    async def _text(self) -> bytes:
        while True:
            self._protocol.receive_data(await self._reader.read(65536))
            for event in self._protocol.events_received():
                if getattr(event, "opcode", None) is Opcode.TEXT:
                    return bytes(event.data)  # type: ignore[union-attr]

    async def _closed(self) -> None:
        while data := await self._reader.read(65536):
            self._protocol.receive_data(data)
            await self._flush()
            if self._protocol.close_expected():
                return


def _parse(head: bytes) -> tuple[str, str, dict[str, str]]:
    lines = head.decode().split("\r\n")
    method, path, _ = lines[0].split(" ")
    return method, path, {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines[1:] if line)}


def _response(status: int, headers: dict[str, str], body: bytes) -> bytes:
    lines = [f"HTTP/1.1 {status} Scripted", *(f"{k}: {v}" for k, v in headers.items())]
    if status != 204:
        lines.append(f"content-length: {len(body)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body
