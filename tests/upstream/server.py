"""The server: plays scripts to requests, records what was asked, tells milestones.

Which script a request gets: the oldest queued one, else the one of its model, else a short greeting. Requests to count
tokens are answered by themselves. Keep-alive as a real server; a client that goes away is noticed at once, also while a
script waits.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import struct
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from .steps import Drop, Eof, Event, Head, Pause, Raw, Rst, Status, Step, WaitFor, message, text

PATIENCE = 10.0
"""Seconds any wait may take before it fails the test."""


@dataclass
class Request:
    """A request as it came, and what became of its answer."""

    method: str
    path: str
    headers: dict[str, str]
    """Names in lower case."""
    raw: bytes
    body: dict[str, Any] = field(default_factory=dict)
    """The decoded JSON; empty when there was none."""
    connection: int = 0
    """Number of the TCP connection it came over, from 1."""
    ended: bool = False
    """The script was played to its end."""
    abandoned: bool = False
    """The client went away before that."""

    def last_text(self) -> str:
        """The text of the last message."""
        content = self.body["messages"][-1]["content"]
        return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


Script = Iterable[Step]


class Upstream:
    """``async with Upstream() as upstream``: listens on 127.0.0.1, any free port unless told."""

    def __init__(self, port: int = 0) -> None:
        self.requests: list[Request] = []
        self.connections = 0
        """TCP connections accepted so far."""
        self._port = port
        self._queue: deque[Script | Callable[[Request], Script]] = deque()
        self._by_model: dict[str, Script | Callable[[Request], Script]] = {}
        self.otherwise: Callable[[Request], Script] = lambda _: message(text("Hello from upstream.", pieces=4))
        self.count_tokens: Callable[[Request], int] = lambda request: len(request.raw) // 4
        self._released: set[str] = set()
        self._reached: list[str] = []
        self._changed = asyncio.Event()
        self._handlers: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Upstream:
        self._server = await asyncio.start_server(self._handle, "127.0.0.1", self._port, backlog=4096)
        self._port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for handler in self._handlers:
            handler.cancel()
        await asyncio.gather(*self._handlers, return_exceptions=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    # -- what to play

    def enqueue(self, *scripts: Script | Callable[[Request], Script]) -> None:
        """The next requests get these, one each, whatever their model."""
        self._queue.extend(scripts)

    def script(self, model: str, steps: Script | Callable[[Request], Script]) -> None:
        """Every request for ``model`` gets this."""
        self._by_model[model] = steps

    def release(self, milestone: str) -> None:
        """Let every script that waits for ``milestone``, now or later, go on."""
        self._released.add(milestone)
        self._tell()

    # -- what has happened

    async def wait_until_requests(self, count: int) -> None:
        """``count`` requests have arrived since the start."""
        await self._until(lambda: len(self.requests) >= count)

    async def wait_until_reached(self, milestone: str, times: int = 1) -> None:
        """A script stands, or stood, at ``WaitFor(milestone)``; everything before it was written."""
        await self._until(lambda: self._reached.count(milestone) >= times)

    async def wait_until_closed(self, count: int = 1) -> None:
        """``count`` clients went away in the middle of an answer."""
        await self._until(lambda: sum(request.abandoned for request in self.requests) >= count)

    async def wait_until_ended(self, count: int = 1) -> None:
        """``count`` scripts were played to their end."""
        await self._until(lambda: sum(request.ended for request in self.requests) >= count)

    async def _until(self, happened: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not happened():
                await self._changed.wait()

    def _tell(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    # -- the wire

    async def _handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._handlers.add(task)
        self.connections += 1
        number = self.connections
        writer.transport.set_write_buffer_limits(high=256 * 1024)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            first = await reader.read(1)
            while first:
                request = await _read_request(first, reader)
                request.connection = number
                self.requests.append(request)
                self._tell()
                first = await self._answer(request, reader, writer)
        writer.close()
        self._handlers.discard(task)

    async def _answer(self, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        """Play the request's script; returns the first byte of the next request, b"" when there will be none."""
        playing = asyncio.ensure_future(self._play(self._script_for(request), writer))
        watching = asyncio.ensure_future(reader.read(1))  # a client that speaks no more has gone
        try:
            await asyncio.wait({playing, watching}, return_when=asyncio.FIRST_COMPLETED)
            if not playing.done() and not _result(watching):
                request.abandoned = True
                return b""
            try:
                goes_on = await playing
            except ConnectionError:
                request.abandoned = True
                return b""
            request.ended = True
            self._tell()
            return await watching if goes_on else b""
        finally:
            for task in (playing, watching):
                task.cancel()
            await asyncio.gather(playing, watching, return_exceptions=True)
            self._tell()

    def _script_for(self, request: Request) -> Script:
        if request.path.endswith("/count_tokens"):
            return [Status(200, {"input_tokens": self.count_tokens(request)})]
        chosen = self._queue.popleft() if self._queue else self._by_model.get(request.body.get("model", ""))
        if chosen is None:
            chosen = self.otherwise
        return chosen(request) if callable(chosen) else chosen

    async def _play(self, script: Script, writer: asyncio.StreamWriter) -> bool:
        """Play the steps; True when the connection can serve another request."""
        head: Head | None = None
        for step in script:
            match step:
                case Event() | Raw():
                    if head is None:
                        head = Head()
                        _write_head(writer, head)
                    data = step.encode() if isinstance(step, Event) else step.data
                    writer.write(b"%x\r\n%b\r\n" % (len(data), data) if head.chunked else data)
                    await writer.drain()
                case Head():
                    head = step
                    _write_head(writer, head)
                    await writer.drain()
                case Status():
                    _write_status(writer, step)
                    await writer.drain()
                    return True
                case WaitFor(milestone):
                    self._reached.append(milestone)
                    self._tell()
                    while milestone not in self._released:
                        await self._changed.wait()
                case Pause(seconds):
                    await asyncio.sleep(seconds)
                case Drop():
                    writer.close()
                    return False
                case Rst():
                    _reset(writer)
                    return False
                case Eof():
                    break
        if head is None or not head.chunked:
            return False
        writer.write(b"0\r\n\r\n")
        await writer.drain()
        return True


def _result(task: asyncio.Future[bytes]) -> bytes:
    return b"" if task.cancelled() or task.exception() is not None else task.result()


async def _read_request(first: bytes, reader: asyncio.StreamReader) -> Request:
    head = (first + await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    line, *fields = head.rstrip().split("\r\n")
    method, path, _ = line.split(" ", 2)
    headers = {name.lower(): value.strip() for name, _, value in (field.partition(":") for field in fields)}
    raw = await reader.readexactly(int(headers.get("content-length", "0")))
    return Request(method, path, headers, raw, json.loads(raw) if raw else {})


def _write_head(writer: asyncio.StreamWriter, head: Head) -> None:
    framing = {"transfer-encoding": "chunked"} if head.chunked else {"connection": "close"}
    headers = {"content-type": "text/event-stream; charset=utf-8", "request-id": "req_scripted"}
    _write_headers(writer, 200, {**headers, **framing, **head.headers})


def _write_status(writer: asyncio.StreamWriter, status: Status) -> None:
    body = (status.body if isinstance(status.body, str) else json.dumps(status.body)).encode()
    headers = {"content-type": "text/plain" if isinstance(status.body, str) else "application/json"}
    _write_headers(writer, status.code, {**headers, "content-length": str(len(body)), **status.headers})
    writer.write(body)


def _write_headers(writer: asyncio.StreamWriter, code: int, headers: dict[str, str]) -> None:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    writer.write(f"HTTP/1.1 {code} Scripted\r\n{lines}\r\n".encode("latin-1"))


def _reset(writer: asyncio.StreamWriter) -> None:
    # Linger on with time 0: closing sends RST instead of FIN.
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
