"""Whether anybody watched when a run ended, however its viewers and its process are spread over instances."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from cluster.instances import Instance
from engine.world import PATIENCE
from observe.test_metrics import value
from oricode_protocol import codec
from oricode_service.access.connections import Connections
from oricode_service.access.revocations import Revocations
from oricode_service.log.reader import Word
from oricode_service.models.script import Call, Say, Script
from oricode_service.observe.report import ended
from oricode_service.store.rows import RunRow
from oricode_service.transports.attach import attach
from oricode_service.transports.streams import Streams, Timing

TOOL = {"name": "open_file", "input_schema": {"type": "object"}}
ASKS = Script(((Call("open_file", {}),), (Say("Thank you."),)))
"""A run that ends when it is told to."""


@asynccontextmanager
async def viewer(instance: Instance, run: RunRow) -> AsyncIterator[asyncio.Task[None]]:
    """A connection to this instance, from now until it is cancelled or has everything."""
    streams = Streams(
        instance.engine, Timing(60), Connections(per_key=0, per_address=0), Revocations(instance.store.keys)
    )
    found = await attach(instance.engine, await instance.row(run), None, "sse")
    there = asyncio.Event()

    async def read() -> None:
        with streams.viewing(found, None):
            there.set()
            while await found.reader.next() is not Word.END:
                pass

    task = asyncio.create_task(read())
    async with asyncio.timeout(PATIENCE):
        await there.wait()
        yield task
        await asyncio.wait([task])


async def end(instance: Instance, run: RunRow) -> None:
    """Let the run end, and return when it has."""
    async with asyncio.timeout(PATIENCE):
        while not (pending := await instance.store.runs.pending(run.no)):
            await asyncio.sleep(0.01)
        await instance.engine.answer("anna", run.id, "tool", pending[0].key, {"content": "x", "is_error": False})
        while (await instance.row(run)).finished_at is None:
            await asyncio.sleep(0.01)


async def label(instance: Instance, run: RunRow) -> str:
    """What the row says, once whatever instances had to say of it is written."""
    async with asyncio.timeout(PATIENCE):
        while instance.engine._watching._tasks:
            await asyncio.wait(instance.engine._watching._tasks.values())
    return str(codec.loads((await instance.row(run)).labels)["watched"])


async def abandoned(instance: Instance, run: RunRow) -> float:
    """The metric, after the instance has looked whether others saw the end."""
    await instance.engine._watching._count(run)
    return value(instance.metrics, "oricode_runs_abandoned_total", transport="sse", arm="streaming")


async def reported(instance: Instance) -> list[bool]:
    return [run.abandoned for run in ended(await instance.store.reports.runs(0, 1 << 60))]


async def test_a_viewer_at_another_instance_is_a_viewer(instances):
    one, other = await instances.start(ASKS, 2)
    run = await one.run(tools=[TOOL])
    async with viewer(other, run):
        await end(one, run)
    assert await label(other, run) == "yes"
    assert await abandoned(one, run) == 0
    assert await reported(one) == [False]


async def test_without_its_word_the_run_would_count_as_abandoned(instances):
    """The control: the other instance keeps to itself what its viewer saw."""
    one, other = await instances.start(ASKS, 2)
    other.engine._watching.saw_end = lambda row: None
    run = await one.run(tools=[TOOL])
    async with viewer(other, run):
        await end(one, run)
    assert await label(other, run) == "no"
    assert await abandoned(one, run) == 1


async def test_nobody_anywhere_is_nobody_and_who_comes_later_changes_nothing(instances):
    one, other = await instances.start(ASKS, 2)
    run = await one.run(tools=[TOOL])
    async with viewer(other, run) as left:
        left.cancel()
    await end(one, run)
    async with viewer(other, run):  # everything is there for whoever asks
        pass
    assert await label(other, run) == "no"
    assert await abandoned(one, run) == 1
    assert await reported(other) == [True]


async def test_many_viewers_at_many_instances_are_told_once(instances):
    one, *others = await instances.start(ASKS, 3)
    run = await one.run(tools=[TOOL])
    async with viewer(one, run), viewer(others[0], run), viewer(others[0], run), viewer(others[1], run):
        await end(one, run)
    assert [await label(instance, run) for instance in (one, *others)] == ["yes"] * 3
    assert await abandoned(one, run) == 0


async def test_a_viewer_that_was_there_before_the_run_came_counts(instances):
    """It watched the run at this instance while another one, which died, still wrote it."""
    one, other = await instances.start(ASKS, 2)
    run = await one.run(tools=[TOOL])
    async with viewer(other, run):
        await one.die()
        assert await other.engine.recover("Its instance died.") == 1
        await other.owns(run)
        await end(other, run)
    assert await label(other, run) == "yes"
    assert await abandoned(other, run) == 0


async def test_an_instance_waits_for_the_others_before_it_counts(instances):
    (one,) = await instances.start(ASKS, 1, elsewhere_seconds=0.05)
    run = await one.run(tools=[TOOL])
    await end(one, run)
    async with asyncio.timeout(PATIENCE):
        while value(one.metrics, "oricode_runs_abandoned_total", transport="sse", arm="streaming") != 1:
            await asyncio.sleep(0.01)
