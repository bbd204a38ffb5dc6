"""HTTP/1.1 and server-sent events by hand, so that the observer shares no parser with the service or its clients.

In: a request. Out: status, headers, and the body as it arrives; an incomplete body raises :class:`Broken`. ``parse``
follows the WHATWG rules as far as this wire needs them.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, NamedTuple


class Broken(Exception):
    """The connection failed, was cut, or was silent for too long. Resuming is the answer."""


class Message(NamedTuple):
    """What a viewer got: one event of any transport."""

    id: str
    event: str
    data: dict[str, Any]


class Answer:
    """An HTTP answer whose body is still coming."""

    def __init__(self, reader: asyncio.StreamReader, status: int, headers: dict[str, str], silence: float) -> None:
        self.status = status
        self.headers = headers
        self._reader = reader
        self._silence = silence

    async def body(self) -> AsyncIterator[bytes]:
        """Pieces of the body; raises Broken when it ends too early or is silent for too long."""
        try:
            if self.status in (204, 304):
                return
            if self.headers.get("transfer-encoding") == "chunked":
                while size := int((await self._timed(self._reader.readline())).strip() or b"!", 16):
                    yield await self._timed(self._reader.readexactly(size))
                    await self._timed(self._reader.readexactly(2))
            elif "content-length" in self.headers:
                yield await self._timed(self._reader.readexactly(int(self.headers["content-length"])))
            else:
                while data := await self._timed(self._reader.read(65536)):
                    yield data
        except (OSError, asyncio.IncompleteReadError, ValueError, TimeoutError) as error:
            raise Broken(type(error).__name__) from None

    async def _timed(self, reading: Any) -> bytes:
        async with asyncio.timeout(self._silence):
            data: bytes = await reading
            return data

    async def whole(self) -> bytes:
        return b"".join([piece async for piece in self.body()])


@asynccontextmanager
async def request(
    port: int, method: str, path: str, headers: Mapping[str, str], body: Any = None, *, silence: float = 3.5
) -> AsyncIterator[Answer]:
    """One request on a connection of its own. Raises Broken when there is no whole head in time."""
    writer = None
    try:
        try:
            async with asyncio.timeout(silence):
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                data = b"" if body is None else json.dumps(body).encode()
                sent = {"Host": f"127.0.0.1:{port}", "Connection": "close", **headers}
                if body is not None:
                    sent |= {"Content-Type": "application/json", "Content-Length": str(len(data))}
                lines = "".join(f"{name}: {value}\r\n" for name, value in sent.items())
                writer.write(f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode() + data)
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                got = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:-2])}
                status = int(head[0].split(" ")[1])
        except (OSError, asyncio.IncompleteReadError, TimeoutError, ValueError, IndexError) as error:
            raise Broken(type(error).__name__) from None
        yield Answer(reader, status, got, silence)
    finally:
        if writer is not None:
            writer.transport.abort()


class Parser:
    """Bytes to messages; a block that is not finished by a blank line is no message."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[Message]:
        self._rest += data
        while (end := self._rest.find(b"\n\n")) >= 0:
            block, self._rest = self._rest[:end], self._rest[end + 2 :]
            fields: dict[str, list[str]] = {}
            for line in block.decode("utf-8").split("\n"):
                name, _, value = line.partition(":")
                fields.setdefault(name, []).append(value.removeprefix(" "))
            if "data" in fields:
                event = fields.get("event", ["message"])[-1]
                yield Message(fields.get("id", [""])[-1], event, json.loads("\n".join(fields["data"])))
