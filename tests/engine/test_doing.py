"""What a run is said to be doing while several of its calls are open at once: heartbeats tell it to people."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from engine.world import ANNA, PATIENCE, Process, Tool, process
from oricode_service.models.script import Call, Say, Script
from oricode_service.store.rows import RunRow

EDITOR = {"name": "read_editor", "input_schema": {"type": "object"}}
CALLS = [Call("read_editor", {}), Call("change", {})]


async def until_doing(one: Process, run: RunRow, state: str) -> None:
    async with asyncio.timeout(PATIENCE):
        while one.engine.doing(run.no) != state:
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("calls", [CALLS, CALLS[::-1]])
async def test_only_a_run_that_waits_for_nothing_else_waits_for_its_viewers(tmp_path: Path, calls: list[Call]) -> None:
    """Whichever of the calls came last."""
    tool = Tool(waits=asyncio.Event())
    script = Script((tuple(calls), (Say("Done."),)), rate=100_000.0)
    async with process(tmp_path, script, [tool]) as one:
        run = await one.start(tools=[EDITOR])
        await asyncio.wait_for(tool.reached.wait(), PATIENCE)
        async with asyncio.timeout(PATIENCE):
            while not (pending := await one.store.runs.pending(run.no)):
                await asyncio.sleep(0.01)
        assert one.engine.doing(run.no) == "tool"
        assert tool.waits is not None
        tool.waits.set()
        await until_doing(one, run, "client_tool")
        await one.engine.answer(ANNA.user, run.id, "tool", pending[0].key, {"content": "Text."})
        await one.until_ended(run)
