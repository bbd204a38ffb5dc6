"""``python -m bench.load SPEC``: runs one load, prints one JSON object a line, the last of which is the result.

SPEC is a JSON object: ``host``, ``port``, ``path``, ``headers``; ``body`` (none: GET) or ``command`` (WebSocket);
``streams``, ``deltas`` (expected of each); and, when wanted:

* ``spread``: seconds over which streams are opened; ``one_by_one``: each when the one before has ended
* ``mark``: the pattern of a mark; ``limit``: seconds to wait at most
* ``window``: ``[settle, seconds]``: when all streams have their first byte and ``settle`` seconds went by, a line
  ``{"begins", "events"}``, after as many ``seconds`` a line ``{"ends", "events"}``, then all streams are dropped
* ``milestones``: a line ``{"at"}`` when the first stream has that many events
* ``first_only``: a stream is dropped at its first byte
* ``keep``: the text of the first stream is part of the result, as ``text``
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
from collections.abc import Callable
from typing import Any

import uvloop

from . import content
from .stream import Stream, http_request
from .websocket import WebSocketStream, handshake

_MARK = r"@(\d+)@"
_ANSWERED = (b"200", b"101")


def _factory(spec: dict[str, Any]) -> Callable[[], Stream]:
    mark = re.compile(spec.get("mark", _MARK).encode())
    keep = bool(spec.get("keep"))
    if (command := spec.get("command")) is not None:
        opening = handshake(spec["host"], spec["path"], spec["headers"])
        return lambda: WebSocketStream(opening, mark, keep, command=command)
    body = None if spec.get("body") is None else json.dumps(spec["body"]).encode()
    request = http_request(spec["host"], spec["path"], spec["headers"], body)
    return lambda: Stream(request, mark, keep)


def _say(**what: Any) -> None:
    print(json.dumps(what), flush=True)


def _milestones(due: list[int]) -> Callable[[int], None]:
    left = sorted(due)

    def reached(events: int) -> None:
        while left and events >= left[0]:
            left.pop(0)
            _say(at=events)

    return reached


async def _run(spec: dict[str, Any]) -> dict[str, Any]:
    loop = asyncio.get_running_loop()
    make, limit = _factory(spec), spec.get("limit", 60)
    streams: list[Stream] = []
    started, cpu = time.perf_counter(), time.process_time()
    for number in range(spec["streams"]):
        _, stream = await loop.create_connection(make, spec["host"], spec["port"])
        streams.append(stream)
        if number == 0 and (due := spec.get("milestones")):
            stream.on_events = _milestones(due)
        if spec.get("first_only"):
            await asyncio.wait([stream.answered], timeout=limit)
            stream.transport.abort()
        if spec.get("one_by_one"):
            await asyncio.wait([stream.done], timeout=limit)
        elif spec.get("spread"):
            await asyncio.sleep(spec["spread"] / spec["streams"])
        elif number % 50 == 49:
            await asyncio.sleep(0)
    if (window := spec.get("window")) is not None:
        await asyncio.wait([stream.answered for stream in streams], timeout=limit)
        await asyncio.sleep(window[0])
        _say(begins=time.monotonic(), events=sum(stream.events for stream in streams))
        await asyncio.sleep(window[1])
        _say(ends=time.monotonic(), events=sum(stream.events for stream in streams))
        for stream in streams:
            stream.transport.abort()
    await asyncio.wait([stream.done for stream in streams], timeout=limit)
    return _result(spec, streams, time.perf_counter() - started, time.process_time() - cpu)


def _result(spec: dict[str, Any], streams: list[Stream], wall: float, cpu: float) -> dict[str, Any]:
    latencies = sorted(latency for stream in streams for latency in stream.latencies)
    found = {
        "events": sum(stream.events for stream in streams),
        "exact": sum(stream.events == spec["deltas"] and stream.ordered for stream in streams),
        "refused": sum(stream.status not in _ANSWERED for stream in streams),
        "wall": wall,
        "load_cpu": cpu,
        "first_ms": _at([s.first for s in streams if s.first is not None], 0.5, 1e3),
        "first_event_ms": _at([s.first_mark for s in streams if s.first_mark is not None], 0.5, 1e3),
        "last_event_ms": _at([s.last_mark for s in streams if s.last_mark is not None], 1, 1e3),
        "first_id": streams[0].first_id.decode(),
        "p50_ms": _at(latencies, 0.5, 1e-6),
        "p99_ms": _at(latencies, 0.99, 1e-6),
    }
    if spec.get("keep"):
        found["text"] = content.text_of(b"".join(streams[0].raw))
    return found


def _at(values: list[Any], share: float, scale: float) -> float | None:
    """The value below which ``share`` of them are; None of none."""
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * share))] * scale if values else None


if __name__ == "__main__":
    print(json.dumps(uvloop.run(_run(json.loads(sys.argv[1])))))
