"""Does one reader with a long way to catch up slow the others? ``python -m bench.faults.slow_reader``.

A finished run of that many events is put into the database directly. One viewer replays it; meanwhile another one
follows a live run whose provider paces its deltas, and a third asks ``/healthz``. Prints both latencies, alone and
beside the replay; the target is a 99th percentile under 50 ms.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import re
import sqlite3
import sys
import tempfile
import time
from pathlib import Path

from .processes import PYTHON, Child
from .service import Service
from .table import percentile
from .wire import Parser, request

SECONDS = 6.0
_STAMP = re.compile(r"(\d{13}\.\d+) ")


async def measure(folder: Path, events: int) -> bool:
    """True when the target is met."""
    async with contextlib.AsyncExitStack() as stack:
        upstream, found = await Child.start([PYTHON, "-m", "upstream"], r"^(http://\S+)$")
        stack.push_async_callback(upstream.end)
        assert found is not None
        service = Service(folder / "data", provider=found[1])
        stack.push_async_callback(service.end)
        await service.start()
        async with request(service.port, "POST", "/api/chat", _headers(service), {"prompt": "one"}) as answer:
            run_id = json.loads(await answer.whole())["run_id"]
        await service.drain()
        _fill(folder / "data" / "oricode.db", run_id, events)
        await service.start()
        await _round(service, None, events)  # warm
        met = True
        print(
            "| | deltas p50 | p99 | max | /healthz p50 | p99 | max |\n| --- | ---: | ---: | ---: | ---: | ---: | ---: |"
        )
        for name, replayed in (("alone", None), (f"beside a replay of {events:,} events", run_id)):
            deltas, health = await _round(service, replayed, events)
            print(f"| {name} | {_row(deltas)} | {_row(health)} |", flush=True)
            met = met and percentile(deltas, 0.99) < 0.05 and percentile(health, 0.99) < 0.05
        return met


def _row(values: list[float]) -> str:
    return " | ".join(f"{v * 1000:.1f} ms" for v in (percentile(values, 0.5), percentile(values, 0.99), max(values)))


def _headers(service: Service) -> dict[str, str]:
    return {"X-API-Key": service.key}


def _fill(path: Path, run_id: str, events: int) -> None:
    """Put deltas between the run's first event and its last."""
    with sqlite3.connect(path) as database:
        (no,) = database.execute("select no from run where id = ?", (run_id,)).fetchone()
        first, *_, last = database.execute(
            "select seq, epoch, event, data from event where run_no = ? order by seq", (no,)
        ).fetchall()
        database.execute("delete from event where run_no = ? and seq > ?", (no, first[0]))
        rows = (
            (no, n, 1, "content", json.dumps({"text": f"delta {n} ", "index": 0}).encode()) for n in range(2, events)
        )
        database.executemany("insert into event values (?, ?, ?, ?, ?)", rows)
        database.execute("insert into event values (?, ?, ?, ?, ?)", (no, events, *last[1:]))
        database.execute("update run set last_seq = ? where no = ?", (events, no))


async def _round(service: Service, replayed: str | None, events: int) -> tuple[list[float], list[float]]:
    """(delta latencies, health latencies) in seconds, while the replay goes on over and over."""
    stop = asyncio.Event()
    replay = asyncio.create_task(_replay(service, replayed, events, stop)) if replayed else None
    health_task = asyncio.create_task(_health(service, stop))
    deltas = await _deltas(service)
    stop.set()
    if replay is not None:
        assert await replay, "the replay did not come to its end"
    return deltas, await health_task


async def _replay(service: Service, run_id: str, events: int, stop: asyncio.Event) -> bool:
    """Read as fast as the socket gives, without parsing: this process must not be what is slow."""
    whole = False
    while not stop.is_set() or not whole:
        path, tail = f"/api/runs/{run_id}/events", b""
        async with request(service.port, "GET", path, _headers(service), silence=30) as answer:
            async for data in answer.body():
                tail = (tail + data)[-400:]
        whole = f".{events}\nevent: done".encode() in tail
        if not whole:
            return False
    return True


async def _deltas(service: Service) -> list[float]:
    """From the provider's sending, which it writes into the text, to our parsing."""
    count, parser, found = int(SECONDS * 100), Parser(), []
    body = {"prompt": "go", "model": f"claude-paced-{count}-10", "stream": True}
    async with request(service.port, "POST", "/api/chat", _headers(service), body, silence=30) as answer:
        async for data in answer.body():
            now = time.time()
            for message in parser.feed(data):
                if message.event == "content" and (stamp := _STAMP.search(message.data["text"])):
                    found.append(now - float(stamp[1]) / 1000)
    return found


async def _health(service: Service, stop: asyncio.Event) -> list[float]:
    found = []
    while not stop.is_set():
        began = time.perf_counter()
        async with request(service.port, "GET", "/healthz", {}, silence=30) as answer:
            await answer.whole()
        found.append(time.perf_counter() - began)
        await asyncio.sleep(0.02)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.faults.slow_reader", description=__doc__)
    parser.add_argument("--events", type=int, default=400_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="oricode-slow-") as folder:
        met = asyncio.run(measure(Path(folder), options.events))
    print("met" if met else "NOT MET: p99 under 50 ms")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
