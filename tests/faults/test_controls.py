"""The observer can fail: each scenario passes as it is, and fails with one safeguard of the service switched off."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections.abc import Awaitable, Callable

import pytest
from faults.scene import Bench, viewer

from bench.faults.proxy import FaultProxy
from bench.faults.viewers import DocumentViewer, HoppingViewer


async def killed_once(scene: Bench) -> None:
    """A long answer, killed while somebody reads it."""
    await killed_in_the_middle(scene, times=1, limit=6)


async def killed_in_the_middle(scene: Bench, times: int = 3, limit: float = 15) -> None:
    """A long answer, killed three times while somebody reads it."""
    wanted, watch = scene.watch("long", limit=limit)
    seen = asyncio.Event()
    watch.on_event = lambda *_: seen.set()
    first = viewer(watch)
    watching = asyncio.create_task(first.run())
    for _ in range(times):
        async with asyncio.timeout(10):
            while len(first.sight.messages) < 30 and not watching.done():
                seen.clear()
                await seen.wait()
        await scene.service.kill()
        await scene.service.start()
    await scene.judge(wanted, watch, await watching, limit=2)


async def killed_after_the_call(scene: Bench) -> None:
    """A tool with an effect, killed between the effect and its result."""
    await scene.service.kill()
    await scene.service.start("call.after:1")
    wanted, watch = scene.watch("effect")
    watching = asyncio.create_task(viewer(watch).run())
    await scene.service.died(15)
    await scene.service.start()
    await scene.judge(wanted, watch, await watching)


async def cut_all_the_time(scene: Bench) -> None:
    """A long answer over connections that are cut after about five kilobytes."""
    async with FaultProxy(scene.service.port, random.Random(1), mean_bytes=5000) as proxy:
        wanted, watch = scene.watch("long", limit=12, ports=[proxy.port])
        await scene.judge(wanted, watch, await viewer(watch).run())
        assert proxy.cuts > 3


async def started_twice(scene: Bench) -> None:
    """Two clients that send the same start with the same idempotency key."""
    wanted, watch = scene.watch("text")
    sights = await asyncio.gather(DocumentViewer("old", watch).run(), HoppingViewer("new", watch, starts=True).run())
    await scene.judge(wanted, watch, *sights)
    with sqlite3.connect(f"file:{scene.service.folder / 'oricode.db'}?mode=ro", uri=True) as database:
        (runs,) = database.execute("select count(*) from run").fetchone()
    if runs != 1:
        scene.verdict.blame("duplicated", f"{runs} runs for one key", runs - 1)


async def undisturbed(scene: Bench) -> None:
    """An answer that nobody breaks."""
    wanted, watch = scene.watch("text")
    await scene.judge(wanted, watch, await viewer(watch).run())


SCENARIOS: dict[str, tuple[Callable[[Bench], Awaitable[None]], tuple[str, ...]]] = {
    "publish-before-commit": (killed_in_the_middle, ("lost", "altered", "disordered", "duplicated")),
    "same-attempt": (killed_in_the_middle, ("wrong_text",)),
    "no-recovery": (killed_once, ("hanging",)),
    "no-ledger": (killed_after_the_call, ("effects_twice",)),
    "resume-from-start": (cut_all_the_time, ("duplicated",)),
    "no-idempotency": (started_twice, ("duplicated",)),
    "two-ends": (undisturbed, ("wrong_ends",)),
}
"""Safeguard -> scenario that needs it, and what the observer counts without it."""


@pytest.mark.parametrize("scenario", dict.fromkeys(scenario for scenario, _ in SCENARIOS.values()))
async def test_the_scenario_passes(bench: Callable[..., Bench], scenario: Callable[[Bench], Awaitable[None]]) -> None:
    scene = bench()
    await scene.service.start()
    await scenario(scene)
    assert scene.verdict.violations == []
    assert scene.verdict.runs == 1


@pytest.mark.parametrize("safeguard", SCENARIOS)
async def test_without_its_safeguard_the_scenario_fails(bench: Callable[..., Bench], safeguard: str) -> None:
    scenario, kinds = SCENARIOS[safeguard]
    scene = bench(safeguard)
    await scene.service.start()
    await scenario(scene)
    assert any(getattr(scene.verdict, kind) for kind in kinds), scene.verdict
