"""A process without a network: the engine over a real store in a folder, a scripted model, tools that count.

    async with process(folder, script) as one:
        run = await one.start("Hello?")
        await one.until_ended(run)

``die`` ends a process as a kill does: nothing it does afterwards reaches the store. A second process over the same
folder takes over with ``recover``.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, Literal, NamedTuple

from log.books import apart
from oricode_protocol import codec
from oricode_protocol.commands import Chat
from oricode_protocol.fold import Fold
from oricode_protocol.lifecycle import RunState, advance
from oricode_service.engine.ports import Ports, RunLimits
from oricode_service.engine.runs import Asker, Engine
from oricode_service.log.commit import GroupCommit
from oricode_service.log.hub import Logs
from oricode_service.log.pulse import Pulse
from oricode_service.models.port import Provider
from oricode_service.models.script import Script
from oricode_service.models.scripted import ScriptedProvider
from oricode_service.store.rows import LIVE, Record, RunRow
from oricode_service.store.sqlite import open_store
from oricode_service.tools.port import Call, Effect, Outcome, Step
from oricode_service.tools.registry import Registry
from store.made import killed

PATIENCE = 20
ANNA = Asker("anna", "key_anna", "sse")
_owners = count(1)


class Killed(BaseException):
    """The process ends here."""


class Route(NamedTuple):
    provider: Provider
    model: str


@dataclass
class Models:
    """Every name leads to one provider."""

    provider: Provider

    def route(self, name: str | None) -> Route:
        return Route(self.provider, name or "script")


@dataclass(eq=False)
class Tool:
    """Counts how often the world was changed by each call."""

    name: str = "change"
    effect: Effect = Effect.EFFECT
    happened: Counter[str] = field(default_factory=Counter)
    """Survives processes: it stands for the world outside."""
    proves: bool = False
    """Whether the target can tell that a call happened."""
    raises: BaseException | None = None
    waits: asyncio.Event | None = None
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    description: str = "Changes the world."
    input_schema: dict[str, Any] = field(default_factory=lambda: {"type": "object"})
    time_limit: float = 10.0
    runs: Literal["server", "mcp"] = "server"

    async def run(self, call: Call) -> AsyncGenerator[Step | Outcome, None]:
        yield Step("Changing...", "change", percent=50)
        self.happened[call.tool_call_id] += 1
        self.reached.set()
        if self.waits is not None:
            await self.waits.wait()
        if self.raises is not None:
            raise self.raises
        yield Outcome("Changed.")

    async def reconcile(self, call: Call) -> Outcome | None:
        return Outcome("It had been changed.") if self.proves and self.happened[call.tool_call_id] else None


class _Mortal:
    """A log store whose process can die: then no write comes to its end."""

    def __init__(self, store: Any, reach: Callable[[str], None]) -> None:
        self._store = store
        self._reach = reach
        self.dead = False

    async def append(self, records: Sequence[Record]) -> None:
        self._reach("append.before")
        await self._alive()
        await self._store.append(records)
        self._reach("append.after")
        await self._alive()

    async def commit(self, records: Sequence[Record], ops: Sequence[Any]) -> None:
        await self._alive()
        await self._store.commit(records, ops)
        await self._alive()

    async def _alive(self) -> None:
        if self.dead:
            await asyncio.Event().wait()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


class Process:
    """One life of the service on a folder."""

    def __init__(
        self, folder: Path, script: Script | Provider, tools: Sequence[Tool], limits: RunLimits, kill_at: str,
        policy: str = "auto",
    ) -> None:  # fmt: skip
        self._folder = folder
        provider = ScriptedProvider({"script": script}) if isinstance(script, Script) else script
        self._models = Models(provider)
        self._tools = tools
        self._limits = limits
        self._policy = policy
        self._kill_at, _, times = kill_at.partition(":")
        self._left = int(times or 1)
        self.passed: Counter[str] = Counter()
        """Failpoints passed so far."""
        self.died = asyncio.Event()
        self.naps: list[float] = []

    async def open(self) -> None:
        asyncio.get_running_loop().set_exception_handler(_unless_killed)
        self.store = await open_store(self._folder, f"owner{next(_owners)}")
        self._mortal = _Mortal(self.store.log, self._reach_in_store)
        self.commit = GroupCommit(self._mortal, lambda fenced: None)  # type: ignore[arg-type]
        self.pulse = Pulse(60)
        ports = Ports(
            runs=self.store.runs,
            logs=Logs(self._mortal, self.commit, self.pulse),  # type: ignore[arg-type]
            models=self._models,
            toolbox=Registry(self._tools),
            prompts=lambda *_: [],
            policy=lambda tool, can_ask: self._policy,
            limits=self._limits,
            sleep=self._nap,
            reach=self._reach,
            poll_seconds=0.05,
        )
        self.engine = Engine(ports, self.store.chats)

    async def _nap(self, seconds: float) -> None:
        self.naps.append(seconds)
        await asyncio.sleep(0)

    def _reach(self, name: str) -> None:
        self.passed[name] += 1
        if self._mortal.dead:
            raise Killed
        if name == self._kill_at:
            self._left -= 1
            if self._left == 0:
                self._mortal.dead = True
                self.died.set()
                raise Killed

    def _reach_in_store(self, name: str) -> None:
        with contextlib.suppress(Killed):  # there the write itself never comes to its end
            self._reach(name)

    async def start(self, prompt: str = "Go.", **more: Any) -> RunRow:
        row, _ = await self.engine.start(ANNA, Chat(prompt=prompt, model="script", **more))
        return row

    async def events(self, run: RunRow) -> list[Record]:
        """Everything the store holds of a run."""
        return apart(await self.store.log.read(run.no, 0, 1 << 24))

    async def until_ended(self, run: RunRow) -> list[Record]:
        """The log of a run whose task is over."""
        async with asyncio.timeout(PATIENCE):
            while (mine := next((live for live in self.engine.live if live.row.no == run.no), None)) is not None:
                assert mine.task is not None
                await asyncio.wait([mine.task])
        return await self.events(run)

    async def die(self) -> None:
        """Nothing more reaches the store; tasks end without a trace."""
        self._mortal.dead = True
        tasks = [run.task for run in self.engine.live if run.task is not None]
        tasks += [run.work for run in self.engine.live if run.work is not None]
        tasks += self.commit._tasks
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def close(self) -> None:
        await self.die()
        self.pulse.close()
        await killed(self.store)


def _unless_killed(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Nobody waits for the tasks of a process that was killed."""
    if not isinstance(context.get("exception"), Killed):
        loop.default_exception_handler(context)


@contextlib.asynccontextmanager
async def process(
    folder: Path,
    script: Script | Provider,
    tools: Sequence[Tool] = (),
    limits: RunLimits | None = None,
    kill_at: str = "",
    policy: str = "auto",
) -> AsyncIterator[Process]:
    """A process; ``kill_at`` names a failpoint, ``name:n`` its n-th passing. ``policy`` of approvals, for all tools."""
    made = Process(folder, script, tools, limits or RunLimits(), kill_at, policy)
    await made.open()
    try:
        yield made
    finally:
        await made.close()


def state_of(records: list[Record]) -> dict[str, Any]:
    """The fold of a run's events."""
    folded = Fold()
    for record in records:
        folded.apply(record.event, codec.loads(record.data))
    return folded.state()


def assert_whole(records: list[Record]) -> dict[str, Any]:
    """A log as every run must leave it: dense, legal, with exactly one terminal event. Returns its fold."""
    assert [record.seq for record in records] == list(range(1, len(records) + 1))
    state = RunState.NEW
    for record in records:
        state = advance(state, record.event)
    assert state is RunState.ENDED
    assert [record.event for record in records].count("done") == 1
    epochs = [record.epoch for record in records]
    assert epochs == sorted(epochs)
    return state_of(records)


async def assert_settled(one: Process, run: RunRow, status: str | None = None) -> dict[str, Any]:
    """The run ended in the log and in the store alike."""
    state = assert_whole(await one.until_ended(run))
    row = await one.store.runs.get(run.id, "anna")
    assert row is not None
    assert row.status not in LIVE
    assert row.status == state["status"]
    result = await one.store.runs.result(run.no)
    assert result is not None
    assert codec.loads(result)["text"] == state["text"]
    if status is not None:
        assert row.status == status
    return state
