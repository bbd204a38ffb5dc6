"""What hostile peers cost in memory: a server in a process of its own, weighed, beside plain uvicorn as the control."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from server.peers import HELLO, Peer, masked, resident_bytes

pytestmark = pytest.mark.asyncio(loop_factories=["uvloop"])  # of the peers; the server has its own
MIB = 1024 * 1024


class Scale:
    """A server process and its weight."""

    def __init__(self, pid: int, address: tuple[str, int]) -> None:
        self.address = address
        self._pid = pid

    def weigh(self) -> int:
        return resident_bytes(self._pid)

    async def healthy(self) -> bool:
        peer = await Peer.connect(self.address)
        return (await peer.ask("healthz")).endswith(b"ok")


@asynccontextmanager
async def server(which: str, **limits: Any) -> AsyncIterator[Scale]:
    command = (sys.executable, str(Path(__file__).parent / "child.py"), which, json.dumps(limits))
    child = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert child.stdout is not None
    try:
        async with asyncio.timeout(20):
            port = int(await child.stdout.readline())
        scale = Scale(child.pid, ("127.0.0.1", port))
        assert await scale.healthy()
        yield scale
    finally:
        child.kill()
        await child.wait()


async def grows(scale: Scale, since: int, by: int) -> None:
    async with asyncio.timeout(30):
        while scale.weigh() - since < by:
            await asyncio.sleep(0.01)


async def test_sixty_four_megabytes_of_headers_cost_next_to_nothing() -> None:
    line = b"X-A: " + b"a" * 1_000_000 + b"\r\n"
    async with server("ours") as ours, server("uvicorn") as control:
        before, before_control = ours.weigh(), control.weigh()
        for _ in range(5):
            peer = await Peer.connect(ours.address)
            assert await peer.pour(b"GET / HTTP/1.1\r\nHost: x\r\n" + line, 64 * MIB) < 64 * MIB
        assert ours.weigh() - before < 5 * MIB
        assert await ours.healthy()
        unbounded = await Peer.connect(control.address)
        await unbounded.send(b"GET / HTTP/1.1\r\nHost: x\r\n")
        assert await unbounded.pour(line, 32 * MIB) >= 32 * MIB
        await grows(control, before_control, 30 * MIB)
        unbounded.vanish()


async def test_a_long_flood_of_tiny_pieces_costs_next_to_nothing() -> None:
    flood = masked(0, b"x", fin=False) * 20_000
    async with server("ours") as ours, server("uvicorn") as control:
        before, before_control = ours.weigh(), control.weigh()
        for scale, total in [(ours, 10 * MIB)] * 5 + [(control, 6 * MIB)]:
            peer = await Peer.connect(scale.address)
            await peer.upgrade()
            await peer.send(masked(1, b"", fin=False))
            assert (await peer.pour(flood, total) < total) == (scale is ours)
        assert ours.weigh() - before < 8 * MIB
        assert await ours.healthy()
        await grows(control, before_control, 15 * MIB)
        peer.vanish()


async def test_requests_sent_ahead_cost_next_to_nothing() -> None:
    ahead = HELLO % b"hold" + HELLO % b"echo" * 60_000
    async with server("ours") as ours, server("uvicorn") as control:
        grown = []
        for scale in (ours, control):
            before = scale.weigh()
            many = [await Peer.connect(scale.address) for _ in range(10)]
            for peer in many:
                peer.writer.write(ahead)
            await asyncio.gather(*[peer.reader.read(10) for peer in many], return_exceptions=True)
            assert await scale.healthy()
            grown.append(scale.weigh() - before)
            for peer in many:
                peer.vanish()
        assert grown[0] < 8 * MIB < grown[1]


async def test_stalled_readers_hold_at_most_64_kib_each() -> None:
    count = 200
    async with server("ours", slow_reader_seconds=3600) as ours:
        before = ours.weigh()
        stalled = []
        for _ in range(count):
            raw = socket.socket()
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            raw.connect(ours.address)
            raw.sendall(HELLO % b"flood")
            stalled.append(raw)
        level = 0
        async with asyncio.timeout(30):
            while level != (level := ours.weigh()):  # it has stopped growing
                await asyncio.sleep(0.5)
        assert (level - before) / count < 64 * 1024
        assert await ours.healthy()
        for raw in stalled:
            raw.close()


@pytest.mark.parametrize("kind", ["slow head", "silent"])
async def test_a_thousand_peers_that_do_not_ask_cost_little_and_leave_nothing(kind: str) -> None:
    async with server("ours", head_seconds=2, tick_seconds=0.1) as ours:
        before = ours.weigh()
        idle = [await Peer.connect(ours.address) for _ in range(1000)]
        for peer in idle:
            if kind == "slow head":
                peer.writer.write(b"GET / HTTP/1.1\r\nX-A: ")
        assert await ours.healthy()
        assert (ours.weigh() - before) / 1000 < 10 * 1024
        await asyncio.gather(*[peer.rest() for peer in idle])
        again = [await Peer.connect(ours.address) for _ in range(1000)]
        assert await ours.healthy()
        assert (ours.weigh() - before) / 1000 < 10 * 1024  # what the first thousand used is used again
        for peer in idle + again:
            peer.vanish()
