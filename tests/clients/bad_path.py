"""A proxy that harms streams in one way each, for the doctor to find."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit


class BadPath:
    """Forwards to ``upstream`` while entered.

    ``idle_cut``: connections without a byte from the service for so many seconds are closed; when there was no byte at
    all, with a 504, as nginx does. ``total_cap``: connections
    of that age are. ``hold``: what the service says is handed on in lumps, every so many seconds.
    """

    def __init__(
        self, upstream: str, *, idle_cut: float | None = None, total_cap: float | None = None, hold: float = 0.0
    ) -> None:
        parts = urlsplit(upstream)
        self._upstream = (parts.hostname or "", parts.port or 80)
        self._idle_cut, self._total_cap, self._hold = idle_cut, total_cap, hold
        self._tasks: set[asyncio.Task[None]] = set()
        self.url = ""

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._forward(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream_reader, upstream_writer = await asyncio.open_connection(*self._upstream)
        up = asyncio.ensure_future(_copy(reader, upstream_writer))
        try:
            async with asyncio.timeout(self._total_cap):
                await self._down(upstream_reader, writer)
        except (TimeoutError, ConnectionError):
            pass  # the harm that was ordered, or a client that hung up
        finally:
            up.cancel()
            upstream_writer.close()
            writer.close()

    async def _down(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        silent = True
        while True:
            try:
                async with asyncio.timeout(self._idle_cut):
                    data = await reader.read(65536)
            except TimeoutError:
                if silent:
                    writer.write(b"HTTP/1.1 504 Gateway Time-out\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
                raise
            silent = False
            if not data:
                return
            if self._hold:
                await asyncio.sleep(self._hold)  # the harm itself, not a wait of the test
            writer.write(data)
            await writer.drain()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
