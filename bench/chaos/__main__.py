"""``python -m bench.chaos --minutes N [--seed S]``: exit code 1 when anything is wrong."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import random
import re
import secrets
import sys
import tempfile
import time
from pathlib import Path

from bench.faults.forked import Zygote
from bench.faults.observer import counted, judge_effects
from bench.faults.processes import PYTHON, Child

from .breaking import break_database, break_instances
from .cluster import cluster
from .report import table
from .watching import Scene, keep_running

COUNTS = "effects.txt"


async def _outside(stack: contextlib.AsyncExitStack, module: str, *arguments: str) -> str:
    """A process that no fault touches; its address."""
    child, found = await Child.start([PYTHON, "-m", f"bench.faults.{module}", *arguments], r"^(http://\S+)$")
    stack.push_async_callback(child.end)
    assert isinstance(found, re.Match)
    return found[1]


async def suite(options: argparse.Namespace, folder: Path) -> str:
    """Make faults and runs for the time asked, let the runs end, judge; the report."""
    rng = random.Random(options.seed)
    began = time.monotonic()
    async with contextlib.AsyncExitStack() as stack:
        zygote = None if options.cold else await stack.enter_async_context(Zygote())
        provider = await _outside(stack, "provider", "--drop", "0.03")
        counter = await _outside(stack, "counter", str(folder / COUNTS))
        made = await stack.enter_async_context(
            cluster(folder, provider, counter, zygote, options.instances, ORICODE_LEASE_SECONDS=str(options.lease))
        )
        scene = Scene(made, options.seed)
        lanes = [asyncio.create_task(keep_running(scene, random.Random(rng.random()), n)) for n in range(options.lanes)]
        trouble = [asyncio.create_task(break_instances(scene, random.Random(rng.random()), options.lease))]
        if not options.steady_database:
            trouble.append(asyncio.create_task(break_database(scene, random.Random(rng.random()))))
        until = time.monotonic() + options.minutes * 60
        while (left := until - time.monotonic()) > 0:
            done, _ = await asyncio.wait({*trouble, *lanes}, timeout=min(15, left), return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
            print(_progress(scene), flush=True)
        scene.stopping.set()
        await asyncio.gather(*trouble)
        await asyncio.gather(*lanes)
        takeovers, handovers = await _judge_database(scene)
        judge_effects(scene.verdict, scene.logs, counted(folder / COUNTS))
        return table(scene, (time.monotonic() - began) / 60, options.lease, takeovers, handovers) + _sentence(scene)


def _sentence(scene: Scene) -> str:
    violations = scene.verdict.violations
    lines = [f"\nVIOLATION {violation}" for violation in violations[:40]]
    return "".join(lines) + ("\nclean" if scene.verdict.clean else f"\n{len(violations)} violations; seed {scene.seed}")


async def _judge_database(scene: Scene) -> tuple[int, int]:
    """As many runs as were asked for, all ended, every log dense; (takeovers, handovers)."""
    verdict, ask = scene.verdict, scene.cluster.database.ask
    ((runs, live, taken, epochs),) = await ask(
        "select count(*), count(*) filter (where status in ('queued', 'running')), sum(attempts), sum(epoch - 1)"
        " from run"
    )
    if runs != verdict.runs:
        sentence = f"{runs} runs in the database, {verdict.runs} were asked for"
        verdict.blame("duplicated", sentence, abs(runs - verdict.runs))
    if live:
        verdict.blame("hanging", f"{live} runs in the database have no end", live)
    # A row holds an event a line.
    text = "convert_from(data, 'utf8')"
    events = f"sum(1 + length({text}) - length(replace({text}, e'\\n', '')))"
    torn = await ask(f"select run_no from event group by run_no having {events} <> max(seq)")
    if torn:
        verdict.blame("disordered", f"{len(torn)} logs in the database have holes", len(torn))
    return int(taken or 0), int((epochs or 0) - (taken or 0))


def _progress(scene: Scene) -> str:
    v, faults = scene.verdict, scene.faults
    return (
        f"{faults['kill -9']} kills, {faults['zombies that ended by themselves']} zombies, {faults['drains']} drains, "
        f"{sum(map(len, scene.waits.seconds.values()))} takeovers seen, {v.runs} runs, {v.resumes} reconnections, "
        f"{v.seen} events seen, {v.lost} lost, {v.duplicated} duplicated, {v.hanging} hanging, "
        f"{len(v.violations)} violations" + (f": {v.violations[-1]}" if v.violations else "")
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.chaos", description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    parser.add_argument("--lanes", type=int, default=6, help="runs at once")
    parser.add_argument("--instances", type=int, default=3)
    parser.add_argument("--lease", type=float, default=5.0, help="seconds")
    parser.add_argument("--steady-database", action="store_true", help="break instances only")
    parser.add_argument("--cold", action="store_true", help="start the installed command, slow imports and all")
    options = parser.parse_args()
    logging.disable(logging.WARNING)  # our own sockets are cut all the time
    print(f"seed {options.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="oricode-chaos-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # the database runs as a user of its own
        report = asyncio.run(suite(options, folder))
    print(report)
    return 0 if report.endswith("clean") else 1


if __name__ == "__main__":
    sys.exit(main())
