"""A few seconds of the long suite, behind nginx and haproxy; ``make faults`` runs minutes of it."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest
from faults.scene import Outside

from bench.faults import fronts
from bench.faults.drivers import break_service, keep_running
from bench.faults.observer import counted, judge_effects
from bench.faults.old_client import ask
from bench.faults.stage import COUNTS, stage

needs_fronts = pytest.mark.skipif(bool(fronts.missing()), reason=f"not installed: {', '.join(fronts.missing())}")
SECONDS = 5.0


@needs_fronts
async def test_kills_and_cuts_behind_proxies_lose_and_repeat_nothing(outside: Outside, tmp_path: Path) -> None:
    async with stage(tmp_path, 7, zygote=outside.zygote, mean_bytes=4000) as scene:
        lanes = [asyncio.create_task(keep_running(scene, random.Random(n), n)) for n in range(3)]
        breaking = asyncio.create_task(break_service(scene, random.Random(7)))
        await asyncio.wait({breaking, *lanes}, timeout=SECONDS, return_when=asyncio.FIRST_COMPLETED)
        scene.stopping.set()
        await breaking
        for proxy in scene.proxies:
            proxy.enabled = False
        async with asyncio.timeout(60):
            await asyncio.gather(*lanes)
        judge_effects(scene.verdict, scene.logs, counted(tmp_path / COUNTS))
        assert scene.verdict.violations == []
        assert scene.service.kills
        assert scene.cuts
        assert scene.verdict.runs


@needs_fronts
@pytest.mark.parametrize("shape", ["slow", "busy"])
async def test_an_old_client_gets_its_answer_behind_a_shorter_idle_limit(
    outside: Outside, tmp_path: Path, shape: str
) -> None:
    report = await ask(tmp_path, seconds=4, idle=2, heartbeat=1, zygote=outside.zygote, shape=shape)
    assert report.right
    assert report.white_space >= 2


@needs_fronts
async def test_without_heartbeats_the_proxy_cuts_the_old_client(outside: Outside, tmp_path: Path) -> None:
    report = await ask(tmp_path, seconds=4, idle=2, heartbeat=60, zygote=outside.zygote)
    assert not report.right
    assert report.status == 504
