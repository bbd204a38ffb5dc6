"""Every named failpoint is hit by kill -9, and the run comes to the right end nevertheless.

What an effect comes to depends on where the process died: never begun and repeated, begun and unknown, or done. A
failpoint that nothing passes fails its test, because the process does not die.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from faults.scene import Bench, viewer
from oricode_service.observe.failpoints import NAMES

from bench.faults.drivers import FAILPOINTS
from bench.faults.observer import counted

HAPPENED = {"intent.after": 0}
"""How often the effect happened, where it is not once."""
TOLD = {"intent.after": "unknown", "call.after": "unknown", "result.before": "unknown"}
"""What viewers and the model are told of it, where it is not ``ok``."""


def test_the_long_suite_knows_every_failpoint() -> None:
    assert set(FAILPOINTS) == set(NAMES)


@pytest.mark.parametrize("point", NAMES)
async def test_a_kill_at_the_failpoint_loses_nothing_and_repeats_no_effect(
    bench: Callable[..., Bench], point: str
) -> None:
    scene = bench()
    await scene.service.start(f"{point}:{3 if point.startswith('append') else 1}")
    wanted, watch = scene.watch("effect")
    watching = asyncio.create_task(viewer(watch).run())
    await scene.service.died(15)
    await scene.service.start()

    log = await scene.judge(wanted, watch, await watching)

    assert scene.verdict.violations == []
    (ticket,) = wanted.tickets
    (result,) = (message for message in log if message.event == "tool_result")
    assert counted(scene.counts)[ticket] == HAPPENED.get(point, 1)
    assert result.data["status"] == TOLD.get(point, "ok")
