"""Hostile peers beside honest viewers: what do the viewers notice, and what is left of it afterwards?

``python -m bench.goals.hostile [NAME…]``. Twenty streams get an event every 200 ms throughout; each attack of
:mod:`.attackers` is made in turn, twice. Exit code 1 when a viewer lost an event or waited too long, when memory or
descriptors did not come back, or when an attacker was let in for longer than promised.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any

from .attackers import ATTACKS, PEERS
from .service import Service, service

VIEWERS = 20
SETTLE_SECONDS = 5
QUIET_SECONDS = 20
"""Of the viewers alone: how long they wait then, and how fast their runs' events fill the memory meant for them."""
MODEL = "firehose:100000@5"
MOST_MEGABYTES = {1: 16, 2: 3}
"""By how much a round of all attacks may have grown the memory beside the viewers' events: the first one stretches it,
the second finds room."""
MOST_WAIT = 1.0
"""Seconds a viewer may wait for an event that is due every 0.2 s: this machine's two cores are the attackers' too."""
PROMISED = {"slow_heads": 12, "silent": 12, "slow_bodies": 35}
"""Attack -> seconds until all its connections are closed."""
MOST_TAKEN = {"endless_head": 8, "endless_body": 8}
"""Attack -> megabytes that may leave the attacker, the kernel's buffers included."""


class Viewer(asyncio.Protocol):
    """One stream: counts its events, checks that their ids are dense, remembers how long it waited."""

    def __init__(self, request: bytes) -> None:
        self._request = request
        self._rest = b""
        self._last = 0.0
        self.seq = 0
        self.waits: list[float] = []
        self.wrong = 0
        self.over = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            if line.startswith(b"id: "):
                seq = int(line.rpartition(b".")[2])
                self.wrong += seq != self.seq + 1
                self.seq = seq
                now = time.monotonic()
                if self._last:
                    self.waits.append(now - self._last)
                self._last = now

    def connection_lost(self, error: Exception | None) -> None:
        self.wrong += not self.over


async def _viewers(running: Service) -> list[Viewer]:
    body = json.dumps({"prompt": "x", "model": MODEL, "stream": True}).encode()
    head = f"POST /api/chat HTTP/1.1\r\nHost: 127.0.0.1\r\nX-API-Key: {running.key}\r\n"
    request = f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
    made = []
    for _ in range(VIEWERS):
        viewer = Viewer(request)
        await asyncio.get_running_loop().create_connection(lambda v=viewer: v, "127.0.0.1", running.port)  # type: ignore[misc]
        made.append(viewer)
    return made


def _waits(viewers: list[Viewer]) -> tuple[float, float]:
    """p99 and longest wait since the last time this was asked, in seconds."""
    waits = sorted(wait for viewer in viewers for wait in viewer.waits)
    for viewer in viewers:
        viewer.waits.clear()
    return (waits[int(len(waits) * 0.99)], waits[-1]) if waits else (0, 0)


async def _attack(name: str, running: Service) -> dict[str, Any]:
    command = [sys.executable, "-m", "bench.goals.attackers", name, str(running.port), running.key]
    attacker = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    async with asyncio.timeout(120):
        said, _ = await attacker.communicate()
    found: dict[str, Any] = json.loads(said)
    return found


def _broken(name: str, found: dict[str, Any]) -> str | None:
    if name in PROMISED and (found["closed"] < PEERS or found["slowest"] > PROMISED[name]):
        return f"not all were closed within {PROMISED[name]} s"
    if name in MOST_TAKEN and found["megabytes taken"] > MOST_TAKEN[name]:
        return f"more than {MOST_TAKEN[name]} MB were taken"
    if "codes" in found and not set(found["codes"]) <= {0, 1008, 1009}:
        return "unexpected close codes"
    return None


async def _measure(running: Service, names: list[str]) -> list[str]:
    bad: list[str] = []
    viewers = await _viewers(running)
    await asyncio.sleep(SETTLE_SECONDS)
    memory = _Memory(running)
    await asyncio.sleep(QUIET_SECONDS)
    p99, longest = _waits(viewers)
    memory.learn()
    files = running.files()
    alone = running.rss() / 2**20
    print(f"| undisturbed | p99 {p99 * 1000:4.0f} ms | longest {longest * 1000:5.0f} ms | {alone:.0f} MB | |")
    for number, name in enumerate(names * 2):
        if number == len(names):
            bad += _grown(memory, 1)
            memory.begin()
        began = time.monotonic()
        found = await _attack(name, running)
        await asyncio.sleep(1)
        p99, longest = _waits(viewers)
        grown = memory.grown
        what = ", ".join(f"{key} {value}" for key, value in found.items())
        row = f"p99 {p99 * 1000:4.0f} ms | longest {longest * 1000:5.0f} ms | {grown:+.1f} MB"
        print(f"| {name:14} | {row} | {what}, {time.monotonic() - began:.0f} s |", flush=True)
        if (why := _broken(name, found)) is not None:
            bad.append(f"{name}: {why}")
        if longest > MOST_WAIT:
            bad.append(f"{name}: a viewer waited {longest:.2f} s")
    await asyncio.sleep(5)
    bad += _grown(memory, 2)
    more = running.files() - files
    print(
        f"afterwards: {more:+d} descriptors; {sum(viewer.seq for viewer in viewers)} events seen by {VIEWERS} viewers"
    )
    if more > 0:
        bad.append(f"{more} descriptors are left")
    if wrong := sum(viewer.wrong for viewer in viewers):
        bad.append(f"{wrong} events lost or out of order, or streams cut")
    for viewer in viewers:
        viewer.over = True
    return bad


class _Memory:
    """The service's memory, without what the viewers' own runs add to it."""

    def __init__(self, running: Service) -> None:
        self._running = running
        self._per_second = 0.0
        self.begin()

    def begin(self) -> None:
        """Count from now on."""
        self._at, self._bytes = time.monotonic(), self._running.rss()

    def learn(self) -> None:
        """What has come since :meth:`begin` is the viewers'; begin anew."""
        self._per_second = (self._running.rss() - self._bytes) / (time.monotonic() - self._at)
        self.begin()

    @property
    def grown(self) -> float:
        """Megabytes since :meth:`begin`."""
        expected = self._bytes + self._per_second * (time.monotonic() - self._at)
        return (self._running.rss() - expected) / 2**20


def _grown(memory: _Memory, number: int) -> list[str]:
    grown = memory.grown
    print(f"round {number}: {grown:+.1f} MB", flush=True)
    return [f"memory grew by {grown:.1f} MB in round {number}"] if grown > MOST_MEGABYTES[number] else []


def main() -> int:
    names = sys.argv[1:] or list(ATTACKS)
    with service() as running:
        bad = asyncio.run(_measure(running, names))
    for line in bad:
        print("NOT REACHED:", line)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
