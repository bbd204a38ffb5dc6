"""``python -m bench.faults --minutes N [--seed S]``: the long suite; exit code 1 when anything is wrong."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import random
import secrets
import sqlite3
import sys
import tempfile
import time
from pathlib import Path

from . import fronts, sabotage
from .drivers import Scene, break_service, keep_running
from .forked import Zygote
from .observer import counted, judge_effects
from .stage import COUNTS, stage
from .table import table


async def suite(options: argparse.Namespace, folder: Path) -> Scene:
    """Make faults and runs for the time asked, let the runs end, judge."""
    rng = random.Random(options.seed)
    async with contextlib.AsyncExitStack() as stack:
        zygote = None if options.cold else await stack.enter_async_context(Zygote())
        scene = await stack.enter_async_context(stage(folder, options.seed, sabotage=options.sabotage, zygote=zygote))
        lanes = [asyncio.create_task(keep_running(scene, random.Random(rng.random()), n)) for n in range(options.lanes)]
        breaking = asyncio.create_task(break_service(scene, random.Random(rng.random())))
        until = time.monotonic() + options.minutes * 60
        while (left := until - time.monotonic()) > 0:
            done, _ = await asyncio.wait({breaking, *lanes}, timeout=min(15, left), return_when=asyncio.FIRST_COMPLETED)
            if done:
                break
            print(_progress(scene), flush=True)
        scene.stopping.set()
        await breaking
        for proxy in scene.proxies:
            proxy.enabled = False
        await asyncio.gather(*lanes)
        await scene.service.drain()
        judge_effects(scene.verdict, scene.logs, counted(folder / COUNTS))
        _judge_database(scene, folder / "data" / "oricode.db")
        return scene


def _judge_database(scene: Scene, path: Path) -> None:
    """What the file says when nobody serves it: as many runs as were asked for, all ended, and no damage."""
    verdict = scene.verdict
    database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        (runs, live), (sound,) = (
            database.execute("select count(*), sum(status in ('queued', 'running')) from run").fetchone(),
            database.execute("pragma integrity_check").fetchone(),
        )
    finally:
        database.close()
    if runs != verdict.runs:
        verdict.blame(
            "duplicated", f"{runs} runs in the database, {verdict.runs} were asked for", abs(runs - verdict.runs)
        )
    if live:
        verdict.blame("hanging", f"{live} runs in the database have no end", live)
    if sound != "ok":
        verdict.violations.append(f"the database is damaged: {sound}")


def _progress(scene: Scene) -> str:
    v = scene.verdict
    return (
        f"{len(scene.service.kills)} kills, {scene.cuts} cuts, {v.runs} runs, {v.resumes} resumes, "
        f"{v.seen} events seen, {v.lost} lost, {v.duplicated} duplicated, {v.hanging} hanging, "
        f"{len(v.violations)} violations"
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.faults", description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    parser.add_argument("--lanes", type=int, default=6, help="runs at once")
    parser.add_argument("--sabotage", choices=sorted(sabotage.SAFEGUARDS), help="take a safeguard away: must fail")
    parser.add_argument("--cold", action="store_true", help="start the installed command, slow imports and all")
    options = parser.parse_args()
    if absent := fronts.missing():
        print(f"missing: {', '.join(absent)}; install with: apt-get install {' '.join(absent)}", file=sys.stderr)
        return 2
    logging.disable(logging.WARNING)  # our own sockets are cut all the time
    print(f"seed {options.seed}", flush=True)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="oricode-faults-") as folder:
        scene = asyncio.run(suite(options, Path(folder)))
    print(table(scene, (time.monotonic() - began) / 60))
    for violation in scene.verdict.violations[:40]:
        print("VIOLATION", violation)
    print("clean" if scene.verdict.clean else f"{len(scene.verdict.violations)} violations; seed {options.seed}")
    return 0 if scene.verdict.clean else 1


if __name__ == "__main__":
    sys.exit(main())
