"""Cancel at every turn of the event loop of a run's life: always one terminal event, never an effect twice."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from engine.world import ANNA, Tool, assert_settled, process
from oricode_service.models.script import Call, Fail, Say, Script, Think
from oricode_service.tools.port import Effect

BUSY = Script(
    (
        (Think("Hm."), Say("I change two things."), Call("change", {"n": 1}), Call("change", {"n": 2})),
        (Fail("upstream_dropped", times=1), Say("And one more."), Call("look", {})),
        (Say("All done."),),
    ),
    piece=3,
)


def moments() -> Iterator[int]:
    """Turns of the event loop: every single one at first, then at wider steps (the disk is waited for in many)."""
    moment = 0
    while moment < 100_000:
        yield moment
        moment += 1 + moment // 25


@pytest.mark.parametrize("how", ["order", "bare"])
async def test_cancelling_at_every_moment_ends_in_exactly_one_terminal_event(tmp_path: Path, how: str) -> None:
    """``order``: as a client does, through the store. ``bare``: the very next moment the task can be cancelled."""
    seen: set[str] = set()
    for moment in moments():
        change, look = Tool(), Tool("look", Effect.PURE)
        async with process(tmp_path / str(moment), BUSY, [change, look]) as one:
            run = await one.start()
            for _ in range(moment):
                await asyncio.sleep(0)
            if how == "order":
                await one.engine.cancel(ANNA.user, run.id)
            else:
                for live in one.engine.live:
                    live.stop()
            state = await assert_settled(one, run)
            assert all(times == 1 for times in change.happened.values())
            assert "running" not in {call["state"] for call in state["tool_calls"]}, "no call is left in the air"
            assert state["approvals"] == []
            seen.add(state["status"])
            if state["status"] == "completed":
                assert state["text"] == "I change two things.And one more.All done."
                break
    assert seen == {"cancelled", "completed"}


async def test_a_run_cancelled_twice_at_once_ends_once(tmp_path: Path) -> None:
    tool = Tool(waits=asyncio.Event())
    async with process(tmp_path, BUSY, [tool, Tool("look")]) as one:
        run = await one.start()
        async with asyncio.timeout(10):
            await tool.reached.wait()
        fresh = await asyncio.gather(*(one.engine.cancel(ANNA.user, run.id) for _ in range(5)))
        state = await assert_settled(one, run, "cancelled")
    assert fresh.count(True) == 1
    assert {call["status"] for call in state["tool_calls"]} == {"unknown"}, "an effect in the air may have happened"


async def test_a_second_cancel_while_the_end_is_written_does_not_disturb_it(tmp_path: Path) -> None:
    """Stopping again and again, at every moment of the ending itself."""
    for moment in range(12):
        tool = Tool(waits=asyncio.Event())
        async with process(tmp_path / str(moment), BUSY, [tool, Tool("look")]) as one:
            run = await one.start()
            async with asyncio.timeout(10):
                await tool.reached.wait()
            (live,) = one.engine.live
            live.stop()
            for _ in range(moment):
                await asyncio.sleep(0)
            live.stop()
            await assert_settled(one, run, "cancelled")
