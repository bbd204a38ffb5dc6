"""Power cuts at any moment: steps, effects and ends that anybody saw are on disk; without fsync they are not.

The service's writes are traced; each cut undoes what was written since the last fsync of each file.
"""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from faults.scene import Bench, viewer

from bench.faults import power
from bench.faults.wire import Message

pytestmark = pytest.mark.skipif(not power.available(), reason="strace is not installed")
SOLID = frozenset({"message_stop", "tool_result", "done"})
"""Events that end a durable step: seeing one means that it is on disk."""
CUTS = 60
FAILS = "fsync,fdatasync:error=EIO:when={}"
"""strace's words for: this one of a thread's fsyncs fails."""


@dataclass
class Traced:
    """A run that ended, when each solid event was seen, and everything that was written meanwhile."""

    seen: list[tuple[float, Message]]
    done: list[power.Action]
    start: Path


async def _trace(scene: Bench, folder: Path, inject: str | None = None) -> Traced:
    await scene.service.start()
    start = folder / "start"
    await power.copy_idle(scene.service.folder, start)
    tracing = await power.trace(scene.service.running.pid, folder / "trace", inject)
    wanted, watch = scene.watch("effect")
    first = viewer(watch, ways=("sse-header",))
    seen: list[tuple[float, Message]] = []
    watch.on_event = lambda *_: seen.append((time.time(), first.sight.messages[-1]))
    sight = await first.run()
    await scene.judge(wanted, watch, sight)
    assert scene.verdict.violations == []
    await scene.service.kill()
    await tracing.wait(10)
    return Traced(
        [s for s in seen if s[1].event in SOLID], power.actions(folder / "trace", scene.service.folder), start
    )


def _lost(traced: Traced, folder: Path) -> tuple[int, int]:
    """(solid events lost, cuts after which the file is damaged), over random cuts and one at the very end."""
    rng = random.Random(1)
    lost = damaged = 0
    places = [rng.randint(0, len(traced.done)) for _ in range(CUTS - 1)] + [len(traced.done)]
    for number, at in enumerate(places):
        found = folder / f"cut{number}"
        power.cut(traced.start, traced.done, at, found)
        until = traced.done[at].at if at < len(traced.done) else float("inf")
        database = sqlite3.connect(found / "oricode.db")
        try:
            damaged += database.execute("pragma integrity_check").fetchone() != ("ok",)
            there = {seq for (seq,) in database.execute("select seq from event")}
        finally:
            database.close()
        lost += sum(int(m.id.rpartition(".")[2]) not in there for when, m in traced.seen if when < until)
    return lost, damaged


async def test_no_power_cut_takes_a_step_an_effect_or_an_end_that_was_seen(
    bench: Callable[..., Bench], tmp_path: Path
) -> None:
    traced = await _trace(bench(), tmp_path)
    assert len(traced.seen) >= 4
    assert _lost(traced, tmp_path) == (0, 0)


async def test_without_fsync_a_power_cut_takes_them(bench: Callable[..., Bench], tmp_path: Path) -> None:
    traced = await _trace(bench("no-fsync"), tmp_path)
    lost, damaged = _lost(traced, tmp_path)
    assert lost > 0
    assert damaged == 0


@pytest.mark.parametrize("when", [2, 4])
async def test_what_a_failed_fsync_dropped_is_written_again(
    bench: Callable[..., Bench], tmp_path: Path, when: int
) -> None:
    """After a failed fsync the next one succeeds without the pages it was for (fsyncgate)."""
    traced = await _trace(bench("small-journal"), tmp_path, FAILS.format(when))
    assert any(action.failed for action in traced.done)
    assert _lost(traced, tmp_path) == (0, 0)


async def test_without_that_a_power_cut_takes_steps_that_were_fsynced_later(
    bench: Callable[..., Bench], tmp_path: Path
) -> None:
    traced = await _trace(bench("no-mending"), tmp_path, FAILS.format(2))
    lost, _ = _lost(traced, tmp_path)
    assert lost > 0
