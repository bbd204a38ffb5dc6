"""The load generator: opens streams, counts and times what arrives. Runs in a process of its own.

``python -m bench.load SPEC`` with SPEC a JSON object ``{host, port, path, headers, body, streams, deltas, hold?}``;
prints one JSON object: events, wall seconds, first byte and latency percentiles (when marks are send times), errors.
It only searches bytes for marks, so that it is never the bottleneck; its own CPU share is part of the answer.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
from typing import Any, cast

import uvloop

_MARK = re.compile(rb"@(\d+)@")
_LIKELY_TIME = 10**9
"""Marks above this are send times in nanoseconds, below they are numbers."""


class Stream(asyncio.Protocol):
    """One request and what comes back."""

    def __init__(self, request: bytes, done: asyncio.Future[None]) -> None:
        self._request = request
        self._done = done
        self.events = 0
        self.sent_at = 0.0
        self.first: float | None = None
        self.latencies: list[int] = []
        self.status = b""
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass
        self.sent_at = time.perf_counter()
        self.transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        now = time.monotonic_ns()
        if self.first is None:
            self.first = time.perf_counter() - self.sent_at
            self.status = data[9:12]
        data = self._rest + data
        last = 0
        for found in _MARK.finditer(data):
            self.events += 1
            last = found.end()
            mark = int(found[1])
            if mark > _LIKELY_TIME:
                self.latencies.append(now - mark)
        self._rest = data[max(last, len(data) - 40) :]

    def connection_lost(self, error: Exception | None) -> None:
        if not self._done.done():
            self._done.set_result(None)


async def _run(spec: dict[str, Any]) -> dict[str, Any]:
    loop = asyncio.get_running_loop()
    body = json.dumps(spec["body"]).encode()
    head = "".join(f"{name}: {value}\r\n" for name, value in spec["headers"].items())
    request = (
        f"POST {spec['path']} HTTP/1.1\r\nhost: {spec['host']}\r\nconnection: close\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n{head}\r\n"
    ).encode() + body
    streams: list[Stream] = []
    waits: list[asyncio.Future[None]] = []
    started = time.perf_counter()
    for number in range(spec["streams"]):
        done: asyncio.Future[None] = loop.create_future()
        made: list[Stream] = []

        def factory(done: asyncio.Future[None] = done, made: list[Stream] = made) -> Stream:
            made.append(Stream(request, done))
            return made[0]

        await loop.create_connection(factory, spec["host"], spec["port"])
        streams.append(made[0])
        waits.append(done)
        if spec.get("spread"):
            await asyncio.sleep(spec["spread"] / spec["streams"])
        if number % 50 == 49:
            await asyncio.sleep(0)
    if spec.get("hold"):
        print(json.dumps({"open": len(streams)}), flush=True)
        await asyncio.sleep(spec["hold"])
        for stream in streams:
            stream.transport.abort()
    await asyncio.wait(waits, timeout=spec.get("limit", 60))
    wall = time.perf_counter() - started
    latencies = sorted(latency for stream in streams for latency in stream.latencies)
    firsts = sorted(stream.first for stream in streams if stream.first is not None)
    return {
        "events": sum(stream.events for stream in streams),
        "exact": sum(stream.events == spec["deltas"] for stream in streams),
        "refused": sum(stream.status != b"200" for stream in streams),
        "wall": wall,
        "load_cpu": time.process_time(),
        "first_ms": _at(firsts, 0.5, 1e3),
        "p50_ms": _at(latencies, 0.5, 1e-6),
        "p99_ms": _at(latencies, 0.99, 1e-6),
    }


def _at(values: list[Any], share: float, scale: float) -> float | None:
    return values[min(len(values) - 1, int(len(values) * share))] * scale if values else None


if __name__ == "__main__":
    print(json.dumps(uvloop.run(_run(json.loads(sys.argv[1])))))
