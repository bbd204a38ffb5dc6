"""A viewer that costs its machine little: one stream, its ids checked, coming back by itself when it is cut."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time


class Viewer:
    """Reads ``GET /api/runs/{run}/events`` for ever. Cut streams are resumed after what their first block asked
    for; before there was one, after 0 to ``pause`` seconds."""

    def __init__(self, port: int, key: str, run: str, pause: float) -> None:
        self._port = port
        self._head = f"GET /api/runs/{run}/events HTTP/1.1\r\nHost: 127.0.0.1\r\nX-API-Key: {key}\r\n"
        self._pause = pause
        self._asked: float | None = None
        """Seconds to wait, by the latest stream's ``retry``."""
        self.id = ""
        self.seq = 0
        self.wrong = 0
        """Events that were not the next one."""
        self.refused = 0
        """Answers other than 200."""
        self.first_bytes: list[float] = []
        """Seconds from connecting to the first byte, one a connection."""
        self.back_at = 0.0
        """When an event came last after a cut (monotonic seconds)."""
        self.beats = 0
        self.heard_at = time.monotonic()
        self.silence = 0.0
        """The longest one, in seconds."""

    async def watch(self) -> None:
        """Until cancelled."""
        while True:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, TimeoutError):
                await self._connection()
            await asyncio.sleep(random.uniform(0, self._pause) if self._asked is None else self._asked)

    async def _connection(self) -> None:
        began = time.monotonic()
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port, limit=2**20)
        try:
            cursor = f"Last-Event-ID: {self.id}\r\n" if self.id else ""
            writer.write(f"{self._head}{cursor}\r\n".encode())
            head = await reader.readuntil(b"\r\n\r\n")
            self.first_bytes.append(time.monotonic() - began)
            if not head.startswith(b"HTTP/1.1 200 "):
                self.refused += 1
                return
            fresh = True
            self.heard_at = time.monotonic()
            while line := await reader.readline():
                now = time.monotonic()
                self.silence, self.heard_at = max(self.silence, now - self.heard_at), now
                if line.startswith(b"id: "):
                    self._take(line[4:].strip().decode())
                    if fresh:
                        self.back_at, fresh = now, False
                elif line.startswith(b"retry: "):
                    self._asked = int(line[7:]) / 1000
                elif line.startswith(b"event: heartbeat"):
                    self.beats += 1
        finally:
            writer.transport.abort()

    def _take(self, text: str) -> None:
        seq = int(text.rpartition(".")[2])
        self.wrong += seq != self.seq + 1
        self.id, self.seq = text, seq
