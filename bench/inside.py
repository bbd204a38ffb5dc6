"""What an event costs inside of the process: decoder, turn, log on disk, reader and SSE frame, without any socket.

In: nothing. Out: CPU seconds per event of two loads, and of a fixed loop beside them. ``burst`` gives each run its
answer in a few large reads, as a fast upstream does; ``trickle`` gives two runs of many one delta at a time. The loop
is what any Python service does for an event and does not change with ours: a ratio to it holds on any machine, which
makes it the regression guard (``tests/bench/test_cost.py``). ``python -m bench.inside`` prints both; under
``valgrind --tool=callgrind --instr-atstart=no`` only the loads are counted.
"""

from __future__ import annotations

import asyncio
import gc
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path
from typing import Any, NamedTuple, cast

import uvloop
from oricode_protocol.commands import Chat
from oricode_service.access.connections import Connections
from oricode_service.access.revocations import Revocations
from oricode_service.engine.ports import Ports, RunLimits
from oricode_service.engine.runs import Asker, Engine
from oricode_service.log.commit import GroupCommit
from oricode_service.log.hub import Logs
from oricode_service.log.pulse import Pulse
from oricode_service.models.anthropic import deltas_of
from oricode_service.models.anthropic_stream import MessageStream
from oricode_service.models.http_answer import Answer
from oricode_service.models.port import Delta, ModelCall, Provider
from oricode_service.models.silence import Waiting
from oricode_service.store.sqlite import open_store
from oricode_service.tools.registry import Registry
from oricode_service.transports import sse
from oricode_service.transports.attach import attach
from oricode_service.transports.server import Outlet
from oricode_service.transports.streams import Streams, Timing

from .upstreams import recording

_PIECE = 16 * 1024


class _Route(NamedTuple):
    provider: Provider
    model: str


class _Socket(Answer):
    """An answer whose body is put into it, as its parser would."""

    def put(self, body: bytes) -> None:
        self.on_body(body)
        self.hand_on()


class _Fed:
    """A provider without a network; also the only entry of the model list."""

    def __init__(self) -> None:
        self.calls: list[_Socket] = []

    def route(self, name: str | None) -> _Route:
        return _Route(self, name or "bench")

    async def stream(self, call: ModelCall) -> AsyncGenerator[list[Delta], None]:
        """Decodes what is put into the call's socket."""
        socket = _Socket(asyncio.get_running_loop())
        self.calls.append(socket)
        async for deltas in deltas_of(socket, MessageStream(), Waiting(0, lambda: None), call.eager):
            yield deltas

    async def close(self) -> None:
        """Nothing is held."""


class _Counter:
    """An outlet that counts what it is given."""

    def __init__(self) -> None:
        self.events = 0
        self._awaited: asyncio.Future[None] | None = None

    def write(self, data: bytes) -> bool:
        self.events += data.count(b"event: content\n")
        if self._awaited is not None:
            self._awaited.set_result(None)
            self._awaited = None
        return True

    async def written(self, events: int) -> None:
        """Waits for an event beyond the first ``events``; asleep, so that what it waits for costs it nothing."""
        while self.events <= events:
            self._awaited = asyncio.get_running_loop().create_future()
            await self._awaited


class Inside:
    """The service without its doors."""

    async def open(self, folder: Path) -> None:
        self.store = await open_store(folder, "bench")
        # Without the pace, by which deltas gather over time: here the loads say how many come together.
        self._commit = GroupCommit(self.store.log, lambda fenced: None)
        self._pulse = Pulse(3600)
        self.fed = _Fed()
        ports = Ports(
            runs=self.store.runs,
            logs=Logs(self.store.log, self._commit, self._pulse),
            models=self.fed,
            toolbox=Registry(()),
            prompts=lambda *_: [],
            policy=lambda tool, can_ask: "auto",
            limits=RunLimits(max_live_per_key=0),
        )
        self.engine = Engine(ports, self.store.chats)
        connections = Connections(per_key=0, per_address=0)
        self._streams = Streams(self.engine, Timing(3600), connections, Revocations(self.store.keys))

    async def close(self) -> None:
        await self._commit.close()
        self._pulse.close()
        await self.store.close()

    async def viewers(self, count: int) -> list[tuple[_Counter, asyncio.Task[None]]]:
        """As many runs, each read by one viewer, all waiting for their model."""
        found = []
        for _ in range(count):
            row, _ = await self.engine.start(Asker("bench", "key", "sse"), Chat(prompt="x"))
            outlet = _Counter()
            reading = sse._pump(
                self._streams, await attach(self.engine, row, None, transport="sse"), cast(Outlet, outlet)
            )
            found.append((outlet, asyncio.create_task(reading)))
        while len(self.fed.calls) < count:
            await asyncio.sleep(0.001)
        return found


async def burst(inside: Inside) -> tuple[int, Callable[[], Awaitable[None]]]:
    """32 answers of 500 deltas in large reads."""
    answer = recording.recorded(500)
    pieces = [answer[at : at + _PIECE] for at in range(0, len(answer), _PIECE)]
    viewers = await inside.viewers(32)

    async def run() -> None:
        for piece in pieces:
            for socket in inside.fed.calls:
                socket.put(piece)
            await asyncio.sleep(0)
        await asyncio.wait([task for _, task in viewers])
        assert [outlet.events for outlet, _ in viewers] == [500] * 32

    return 500 * 32, run


async def trickle(inside: Inside) -> tuple[int, Callable[[], Awaitable[None]]]:
    """2,000 deltas, two at a time, to 50 runs in turn."""
    viewers = await inside.viewers(50)
    for socket in inside.fed.calls:
        socket.put(recording.head())
    await asyncio.sleep(0.05)

    async def run() -> None:
        for number in range(1000):
            pair = [(number * 2) % 50, (number * 2 + 1) % 50]
            before = [viewers[place][0].events for place in pair]
            for place in pair:
                inside.fed.calls[place].put(recording.delta(number))
            for place, events in zip(pair, before, strict=True):
                await viewers[place][0].written(events)

    return 2000, run


LOADS = {"burst": burst, "trickle": trickle}


def cost(load: str, counting: Callable[[bool], None] = lambda on: None) -> float:
    """CPU seconds per event of one load, in a fresh store. ``counting`` is told when it begins and ends."""

    async def measured() -> float:
        with tempfile.TemporaryDirectory(prefix="oricode-inside-") as folder:
            inside = Inside()
            await inside.open(Path(folder))
            events, run = await LOADS[load](inside)
            gc.collect()
            counting(True)
            begun = time.process_time()
            await run()
            seconds = time.process_time() - begun
            counting(False)
            await inside.engine.drain(1)
            await inside.close()
            return seconds / events

    return uvloop.run(measured())


def reference() -> float:
    """CPU seconds of one round of the fixed loop: an event decoded, looked at, encoded, framed and joined."""
    line = b'{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"some words here"}}'
    begun = time.process_time()
    out: list[bytes] = []
    for number in range(20_000):
        event: dict[str, Any] = json.loads(line)
        if event["type"] == "content_block_delta":
            data = json.dumps({"text": event["delta"]["text"], "index": event["index"]}).encode()
            out.append(b"id: %d\nevent: content\ndata: %b\n\n" % (number, data))
        if len(out) == 100:
            b"".join(out)
            out.clear()
    return (time.process_time() - begun) / 20_000


def _callgrind(on: bool) -> None:
    subprocess.run(["callgrind_control", "-i", "on" if on else "off"], check=True, capture_output=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--callgrind"]:
        print(cost(sys.argv[2], _callgrind))
    else:
        base = min(reference() for _ in range(5))
        for name in LOADS:
            found = min(cost(name) for _ in range(5))
            print(f"{name}: {found * 1e6:.2f} µs an event, {found / base:.2f} rounds of the fixed loop")
