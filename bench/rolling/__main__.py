"""``python -m bench.rolling --minutes 10 [--instances 2]``: exit code 1 when anybody could have noticed a restart."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import math
import random
import re
import secrets
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

from bench.faults import plan as plans
from bench.faults.client_viewer import ClientViewer
from bench.faults.drivers import read_log
from bench.faults.observer import Sight, Verdict, counted, judge, judge_effects
from bench.faults.plan import Plan
from bench.faults.processes import PYTHON, Child
from bench.faults.table import percentile
from bench.faults.viewers import Watch
from bench.faults.wire import Message

from .machines import OneMachine, Several, machine
from .people import AFTER, Noticed, OldClient, StockViewer

KINDS = ("sse-post", "sse-post", "sse-header", "websocket", "websocket", "client-sse", "client-websocket", "json")
"""Of ten and more people, what they use: stock clients of each transport, our client, old clients."""
SHAPES = ("busy",) * 8 + ("upload", "mixed", "effect")
LIMIT = 240.0
"""Seconds for a run; its answer may be begun again at a restart."""
COUNTS = "effects.txt"


@dataclass
class Scene:
    """Who is watched, and what became of them."""

    machine: OneMachine | Several
    seed: int
    verdict: Verdict = field(default_factory=Verdict)
    noticed: Noticed = field(default_factory=Noticed)
    took: list[float] = field(default_factory=list)
    """Seconds from the signal until the next process served."""
    live: int = 0
    most: int = 0
    logs: list[tuple[Plan, list[Message]]] = field(default_factory=list)
    restarted_answers: int = 0
    stopping: bool = False


async def person(scene: Scene, number: int) -> None:
    """One after the other: ask, watch until the end, judge."""
    kind, turn = KINDS[number % len(KINDS)], 0
    rng = random.Random(f"{scene.seed}:{number}")
    await asyncio.sleep(rng.uniform(0, 15))
    while not scene.stopping:
        turn += 1
        await ask(scene, rng, f"r{scene.seed}p{number}n{turn}", kind)


async def ask(scene: Scene, rng: random.Random, tag: str, kind: str) -> None:
    """One run and its viewer."""
    shape, seed = rng.choice(SHAPES), rng.randint(15, 40)
    wanted = plans.make(tag, seed, shape)
    body = {"prompt": plans.prompt(tag, seed, shape), "client_type": "eclipse"}
    watch = Watch(body, f"key-{tag}", scene.machine.key, [scene.machine.port], rng, limit=LIMIT)
    watch.on_event = scene.noticed.watch(tag)
    viewer: StockViewer | ClientViewer | OldClient
    if kind == "json":
        viewer = OldClient(watch, scene.noticed)
    elif kind.startswith("client"):
        viewer = ClientViewer(kind, watch, "sse" if kind == "client-sse" else "websocket")
    else:
        viewer = StockViewer(watch, scene.noticed, kind)
    scene.live += 1
    scene.most = max(scene.most, scene.live)
    sight: Sight = await viewer.run()
    scene.live -= 1
    if sight.problem:
        await asyncio.sleep(1)  # nobody asks again at once
    service = SimpleNamespace(port=scene.machine.port)
    log = await read_log(service, watch)  # type: ignore[arg-type]
    judge(scene.verdict, wanted, [sight], log)
    starts = [message for message in log if message.event == "message_start"]
    scene.restarted_answers += any(message.data.get("attempt", 1) > 1 for message in starts)
    scene.logs.append((wanted, [m for m in log if m.event in ("tool_call", "tool_result")]))


async def suite(options: argparse.Namespace, folder: Path) -> Scene:
    """People come, the service is restarted, people finish."""
    async with contextlib.AsyncExitStack() as stack:
        provider = await _outside(stack, "provider")
        counter = await _outside(stack, "counter", str(folder / COUNTS))
        served = await stack.enter_async_context(machine(folder, provider, counter, options.instances, options.plain))
        scene = Scene(served, options.seed)
        people = [asyncio.create_task(person(scene, number)) for number in range(options.people)]
        began = time.monotonic()
        for number in range(1, int(options.minutes * 60 / options.every) + 1):
            await _pass(people, began + number * options.every)
            signalled = time.monotonic()
            scene.noticed.restarts.append(signalled)
            scene.noticed.over = math.inf
            await served.restart()
            scene.noticed.over = time.monotonic() + AFTER
            scene.took.append(time.monotonic() - signalled)
            print(_progress(scene), flush=True)
        await _pass(people, time.monotonic() + min(15.0, options.every))
        scene.stopping = True
        await asyncio.gather(*people)
        judge_effects(scene.verdict, scene.logs, counted(folder / COUNTS))
        return scene


async def _pass(people: list[asyncio.Task[None]], until: float) -> None:
    """Wait; a person who fails for a reason of the suite's own ends the suite."""
    done, _ = await asyncio.wait(people, timeout=until - time.monotonic(), return_when=asyncio.FIRST_EXCEPTION)
    for task in done:
        task.result()


async def _outside(stack: contextlib.AsyncExitStack, module: str, *arguments: str) -> str:
    child, found = await Child.start([PYTHON, "-m", f"bench.faults.{module}", *arguments], r"^(http://\S+)$")
    stack.push_async_callback(child.end)
    assert isinstance(found, re.Match)
    return found[1]


def _progress(scene: Scene) -> str:
    noticed, verdict = scene.noticed, scene.verdict
    return (
        f"restart {len(scene.took)}: {scene.took[-1]:.1f} s, {scene.live} live, {verdict.runs} runs ended, "
        f"{sum(noticed.cuts.values())} cuts, {len(verdict.violations)} violations"
    )


def table(scene: Scene, options: argparse.Namespace) -> str:
    """Markdown."""
    verdict, noticed = scene.verdict, scene.noticed
    pauses = list(noticed.pauses.values())

    def three(values: list[float]) -> str:
        return " / ".join(f"{percentile(values, share):.2f}" for share in (0.5, 0.99, 1.0))

    rows: list[tuple[str, object]] = [
        ("seed", scene.seed),
        ("restarts, one every", f"{len(scene.took)}, {options.every:g} s"),
        ("live runs at most", scene.most),
        ("runs", verdict.runs),
        ("… whose open answer was begun again", scene.restarted_answers),
        ("planned ends of streams (`reconnect`)", noticed.announced),
        ("events seen", verdict.seen),
        ("**connections cut or refused**", sum(noticed.cuts.values())),
        ("**answers not whole, refusals, failed runs**", verdict.wrong_ends),
        ("**events lost / twice / altered**", f"{verdict.lost} / {verdict.duplicated} / {verdict.altered}"),
        ("**wrong texts**", verdict.wrong_text),
        ("**without end**", verdict.hanging),
        ("effects that happened / twice", f"{verdict.effects} / {verdict.effects_twice}"),
        ("effects told wrongly / as unknown", f"{verdict.effects_untold} / {verdict.unknown}"),
        ("signal to the next process serving, median / p99 / max (s)", three(scene.took)),
        (f"pause of streams at a restart, median / p99 / max (s), n={len(pauses)}", three(pauses)),
    ]
    return "\n".join(["| | |", "| --- | ---: |", *(f"| {name} | {value} |" for name, value in rows)])


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.rolling", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--every", type=float, default=60, help="seconds between restarts")
    parser.add_argument("--people", type=int, default=200)
    parser.add_argument(
        "--instances", type=int, default=1, help="1: SQLite and SIGUSR2; more: PostgreSQL, nginx, SIGTERM"
    )
    parser.add_argument("--plain", action="store_true", help="the control: SIGTERM, and a new start when it has ended")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="oricode-rolling-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)  # PostgreSQL runs as a user of its own
        scene = asyncio.run(suite(options, Path(folder)))
    print(table(scene, options))
    for name, count in scene.noticed.cuts.items():
        print(f"cut: {count} {name}")
    for violation in scene.verdict.violations[:40]:
        print(violation)
    return 0 if scene.verdict.clean and not scene.noticed.cuts and not scene.verdict.unknown else 1


if __name__ == "__main__":
    sys.exit(main())
