"""One stream: a request goes out, marks are counted and timed as bytes arrive, whatever their framing.

A mark is a number in the text: ``@N@`` from our upstreams, or what the given pattern's group finds. Numbers count from
0; marks above 1e9 are send times in nanoseconds of the monotonic clock and make latencies. Both must only ever grow.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from typing import cast

LIKELY_TIME = 10**9
_LONGEST_MARK = 40
_ID = re.compile(rb"^id: ?(\S+)", re.MULTILINE)


class Stream(asyncio.Protocol):
    """An HTTP request and its streamed answer."""

    def __init__(self, request: bytes, mark: re.Pattern[bytes], keep: bool = False) -> None:
        """``keep``: the raw answer is kept in ``raw``, to look at its text afterwards."""
        self._request = request
        self._mark = mark
        self._rest = b""
        self._before = -1
        self._keep = keep
        self.raw: list[bytes] = []
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """The first byte is here, or will never be."""
        self.on_events: Callable[[int], None] | None = None
        """Called with the number of events so far, after each read."""
        self.events = 0
        self.ordered = True
        """Numbers came one by one, times grew."""
        self.sent_at = 0.0
        self.first: float | None = None
        """Seconds until the first byte."""
        self.first_mark: float | None = None
        self.last_mark: float | None = None
        self.latencies: list[int] = []
        """Nanoseconds from the upstream's write to our read."""
        self.status = b""
        self.first_id = b""
        """Of the first event that has one; empty over WebSocket."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass
        self.sent_at = time.perf_counter()
        self.transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        now = time.monotonic_ns()
        if self.first is None:
            self.first = time.perf_counter() - self.sent_at
            self.status = data[9:12]
            self.answered.set_result(None)
        if not self.first_id and (found := _ID.search(data)) is not None:
            self.first_id = found[1]
        if self._keep:
            self.raw.append(data)
        self._count(self._rest + data, now)

    def _count(self, data: bytes, now: int) -> None:
        last, before, events = 0, self._before, self.events
        for found in self._mark.finditer(data):
            last = found.end()
            mark = int(found[1])
            if mark > LIKELY_TIME:
                self.latencies.append(now - mark)
                self.ordered &= mark > before
            else:
                self.ordered &= mark == before + 1
            before = mark
            events += 1
        self._rest = data[max(last, len(data) - _LONGEST_MARK) :]
        if events == self.events:
            return
        self._before = before
        self.last_mark = time.perf_counter() - self.sent_at
        if self.first_mark is None:
            self.first_mark = self.last_mark
        self.events = events
        if self.on_events is not None:
            self.on_events(events)

    def connection_lost(self, error: Exception | None) -> None:
        for future in (self.done, self.answered):
            if not future.done():
                future.set_result(None)


def http_request(host: str, path: str, headers: dict[str, str], body: bytes | None) -> bytes:
    """A POST of JSON; without a body a GET."""
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    if body is None:
        return f"GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{head}\r\n".encode()
    return (
        f"POST {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n{head}\r\n"
    ).encode() + body
