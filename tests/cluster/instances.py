"""Instances without a network: engines over one PostgreSQL, a scripted model, tools that count.

    one, other = await instances.start(script, 2)
    run = await one.run("Hello?")
    async with other.viewer(run) as seen:
        ...

``die`` ends an instance as a kill does: its row and its runs stay, and nothing it does afterwards reaches the store.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from itertools import count
from typing import Any

from engine.world import ANNA, PATIENCE, Models, Tool
from oricode_protocol import codec
from oricode_protocol.commands import Chat
from oricode_service.engine.orders import Orders
from oricode_service.engine.ports import Ports, RunLimits
from oricode_service.engine.runs import Engine
from oricode_service.log.commit import GroupCommit
from oricode_service.log.follower import Follower
from oricode_service.log.hub import Logs
from oricode_service.log.pulse import Pulse
from oricode_service.log.reader import Reader, Word
from oricode_service.models.script import Script
from oricode_service.models.scripted import ScriptedProvider
from oricode_service.observe.metrics import Metrics
from oricode_service.store import postgres
from oricode_service.store.port import Fenced
from oricode_service.store.rows import Record, RunRow
from oricode_service.tools.registry import Registry

LEASE = 60.0
"""No lease runs out by itself in these tests; who is to be dead is declared dead."""
_owners = count(1)


class Instance:
    """One instance."""

    def __init__(self, url: str, script: Script, tools: Sequence[Tool], policy: str, limits: RunLimits) -> None:
        self._url = url
        self._script = script
        self._tools = tools
        self._policy = policy
        self._limits = limits
        self.fenced: list[Fenced] = []
        self._tasks: list[asyncio.Task[Any]] = []
        self.dead = False
        self.watchers = 0
        """Viewers that have begun to watch."""
        self.told = 0
        """Heartbeats of its viewers: they come when there is trouble to tell."""
        self.metrics = Metrics()
        self.elsewhere_seconds = 3600.0
        """Until it counts a run that ended unwatched; tests count by themselves."""

    async def open(self) -> None:
        self.store = await postgres.open_store(
            self._url, f"instance{next(_owners)}", lease_seconds=LEASE, on_fenced=self.fenced.append
        )
        self.commit = GroupCommit(self.store.log, self.fenced.append, pace=self.store.log.pace)
        self.pulse = Pulse(60)
        follower = Follower(self.store.log)
        ports = Ports(
            runs=self.store.runs,
            logs=Logs(self.store.log, self.commit, self.pulse, follower),
            models=Models(ScriptedProvider({"script": self._script})),
            toolbox=Registry(self._tools),
            prompts=lambda *_: [],
            policy=lambda tool, can_ask: self._policy,
            limits=self._limits,
            observer=self.metrics,
            elsewhere_seconds=self.elsewhere_seconds,
            poll_seconds=3600,  # only what the others tell can bring a run on
        )
        self.engine = Engine(ports, self.store.chats)
        self._tasks = [asyncio.create_task(follower.run()), asyncio.create_task(Orders(self.engine).run())]

    async def run(self, prompt: str = "Go.", **more: Any) -> RunRow:
        row, _ = await self.engine.start(ANNA, Chat(prompt=prompt, model="script", **more))
        return row

    async def row(self, run: RunRow) -> RunRow:
        return await self.engine.row("anna", run.id)

    async def reader(self, run: RunRow, after: int = 0) -> Reader:
        """Of a viewer that connects to this instance."""
        logs = self.engine.ports.logs
        return logs.reader(logs.log(await self.row(run)), after)

    async def watch(self, run: RunRow, after: int = 0) -> list[Record]:
        """Everything a viewer at this instance sees until the end."""
        reader = await self.reader(run, after)
        self.watchers += 1
        seen: list[Record] = []
        async with asyncio.timeout(PATIENCE):
            while (page := await reader.next()) is not Word.END:
                if page is Word.BEAT:  # outside the rhythm, whose interval is longer than any test
                    self.told += 1
                    continue
                assert isinstance(page, list)
                seen += page
        return seen

    async def stored(self, run: RunRow) -> list[Record]:
        return await self.store.log.read(run.no, 0, 1 << 24)

    async def owns(self, run: RunRow) -> None:
        """Return when this instance has the run."""
        async with asyncio.timeout(PATIENCE):
            while all(live.row.no != run.no for live in self.engine.live):
                await asyncio.sleep(0.01)

    async def die(self) -> None:
        """Stop everything at once, and be declared dead."""
        tasks = [*self._tasks, *self.store._tasks, *self.commit._tasks]
        tasks += [task for run in self.engine.live for task in (run.work, run.task) if task is not None]
        self.commit._store = Dead()  # type: ignore[assignment]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._tasks, self.store._tasks, self.dead = [], [], True
        self.store.log.drop()
        self.store.hints.drop()
        await self.store._pool.value("update instance set dead = true where id = $1", self.store.lease.me)

    async def close(self) -> None:
        if self.fenced:  # a real process would have ended at once
            await self.die()
        if not self.dead:
            await self.engine.drain()
            for task in self._tasks:
                task.cancel()
            await self.commit.close()
        self.pulse.close()
        await self.store.close()


class Dead:
    """A store that nothing reaches any more."""

    async def append(self, *_: object) -> None:
        await asyncio.Event().wait()

    commit = append


class Instances:
    """All instances of a test."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._open: list[Instance] = []

    async def start(
        self,
        script: Script,
        number: int,
        *,
        tools: Sequence[Tool] = (),
        policy: str = "auto",
        limits: RunLimits | None = None,
        elsewhere_seconds: float = 3600.0,
    ) -> list[Instance]:
        made = [Instance(self._url, script, tools, policy, limits or RunLimits()) for _ in range(number)]
        for instance in made:
            instance.elsewhere_seconds = elsewhere_seconds
            await instance.open()
            self._open.append(instance)
        return made

    async def close(self) -> None:
        for instance in self._open:
            await instance.close()


@contextlib.asynccontextmanager
async def watching(instance: Instance, run: RunRow, after: int = 0) -> AsyncIterator[asyncio.Task[list[Record]]]:
    """A viewer that watches while the block runs, and is waited for."""
    task = asyncio.create_task(instance.watch(run, after))
    yield task
    await task


def events(records: Sequence[Record], name: str) -> list[dict[str, Any]]:
    """The data of all events of this name."""
    return [codec.loads(record.data) for record in records if record.event == name]
