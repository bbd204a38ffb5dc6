"""Who makes trouble and who makes work: one task breaks the service, others keep runs going through broken paths.

In: a :class:`Scene` and a random generator. Out: faults counted in the scene's ``faults``. A run is judged as soon as
all its viewers are done, so that memory stays bounded.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from . import plan as plans
from .client_viewer import ClientViewer
from .observer import Sight, Verdict, judge
from .plan import Plan
from .proxy import FaultProxy
from .service import Service
from .viewers import DocumentViewer, HoppingViewer, Watch
from .wire import Broken, Message, Parser, request

FAILPOINTS = (
    "turn.before", "turn.after", "intent.before", "intent.after", "call.after", "result.before", "result.after",
    "done.before", "done.after", "append.before", "append.after",
)  # fmt: skip


@dataclass
class Scene:
    """The parts under test, and what was done to them."""

    service: Service
    proxies: list[FaultProxy]
    seed: int
    verdict: Verdict = field(default_factory=Verdict)
    faults: Counter[str] = field(default_factory=Counter)
    shapes: tuple[str, ...] = ("mixed", "mixed", "text", "upload", "effect")
    logs: list[tuple[Plan, list[Message]]] = field(default_factory=list)
    """Tool results and terminal events of finished runs, for the judgement on effects."""
    recovery: list[tuple[float, float]] = field(default_factory=list)
    """Per viewer and kill: (kill to next event, start of the process in it), seconds."""
    failpoints: int = 0
    """How many were set; they take turns."""
    stopping: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def cuts(self) -> int:
        return sum(proxy.cuts for proxy in self.proxies)


class Recovery:
    """Measures from each kill to the first event that each viewer of one run got over a later connection."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._seen: dict[str, tuple[int, float]] = {}
        """Viewer -> kills it has behind it, time of its last event."""

    def __call__(self, viewer: str, opened: float, now: float) -> None:
        kills = self._scene.service.kills
        behind = self._seen.get(viewer, (len(kills), now))[0]
        if behind < len(kills) and opened > kills[-1].at and kills[-1].start_seconds:
            self._scene.recovery.append((now - kills[-1].at, kills[-1].start_seconds))
            behind = len(kills)
        self._seen[viewer] = (behind, now)


async def break_service(scene: Scene, rng: random.Random, calm: tuple[float, float] = (0.1, 1.0)) -> None:
    """Kill, stop, drain and start the service until told to stop; leaves it running."""
    service = scene.service
    while not scene.stopping.is_set():
        await asyncio.sleep(rng.uniform(*calm) if rng.random() < 0.8 else rng.uniform(calm[1], 3 * calm[1]))
        kind = rng.random()
        if kind < 0.72:
            await service.kill()
            scene.faults["kill -9"] += 1
        elif kind < 0.82:
            await service.freeze(rng.uniform(0.1, 2.5))
            scene.faults["stop and continue"] += 1
            continue
        elif kind < 0.86:
            service.running.signal(signal.SIGSTOP)
            await asyncio.sleep(rng.uniform(0.1, 1.0))
            await service.kill()
            scene.faults["kill -9 while stopped"] += 1
        elif kind < 0.94:
            await _kill_at_failpoint(scene, rng)
        else:
            code = await service.drain()
            scene.faults["drain"] += 1
            if code != 0:
                scene.verdict.violations.append(f"a drained service ended with {code}")
        await service.start()


async def _kill_at_failpoint(scene: Scene, rng: random.Random) -> None:
    """Restart with a failpoint set and wait until it strikes; kill by hand when nothing passes it in time."""
    service = scene.service
    await service.kill()
    point = FAILPOINTS[scene.failpoints % len(FAILPOINTS)]
    scene.failpoints += 1
    count = rng.randint(2, 30) if point.startswith("append") else 1
    try:
        await service.start(f"{point}:{count}")
    except RuntimeError:  # it struck before the service had said its address
        scene.faults[f"failpoint {point}"] += 1
        return
    try:
        await service.died(4)
        scene.faults[f"failpoint {point}"] += 1
    except TimeoutError:
        await service.kill()
    scene.faults["kill -9"] += 1


async def keep_running(scene: Scene, rng: random.Random, lane: int) -> None:
    """One run after the other in this lane until told to stop."""
    number = 0
    while not scene.stopping.is_set():
        number += 1
        await one_run(scene, random.Random(rng.random()), f"s{scene.seed}l{lane}n{number}")


async def one_run(
    scene: Scene, rng: random.Random, tag: str, *, shape: str | None = None, limit: float = 120.0
) -> list[Sight]:
    """Start a run, watch it by two or three viewers, judge it."""
    shape = shape or rng.choice(scene.shapes)
    seed = rng.randrange(10**6)
    wanted = plans.make(tag, seed, shape)
    watch = Watch(
        {"prompt": plans.prompt(tag, seed, shape), "client_type": "eclipse"},
        f"key-{tag}",
        scene.service.key,
        [proxy.port for proxy in scene.proxies],
        rng,
        on_event=Recovery(scene),
        limit=limit,
    )
    viewers = _viewers(watch, rng)
    sights = await asyncio.gather(*(viewer.run() for viewer in viewers))
    log = await read_log(scene.service, watch)
    judge(scene.verdict, wanted, sights, log)
    scene.logs.append((wanted, [m for m in log if m.event in ("tool_call", "tool_result")]))
    return sights


def _viewers(watch: Watch, rng: random.Random) -> Sequence[HoppingViewer | DocumentViewer | ClientViewer]:
    second = rng.choice(("hops", "client-sse", "client-websocket", "document"))
    first = HoppingViewer("first", watch, starts=True)
    if second == "hops":
        return first, HoppingViewer("second", watch, starts=False)
    if second == "document":
        return first, DocumentViewer("document", watch)
    return first, ClientViewer(second, watch, "sse" if second == "client-sse" else "websocket")


async def read_log(service: Service, watch: Watch, limit: float = 60.0) -> list[Message]:
    """All events of a run in one undisturbed read, whatever happens to the service meanwhile.

    A run that does not end within ``limit`` seconds gives what there was.
    """
    messages: list[Message] = []
    if not watch.run_id.done():
        return messages
    path = f"/api/runs/{watch.run_id.result()}/events"
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(limit):
            while not (messages and messages[-1].event == "done"):
                messages.clear()
                with contextlib.suppress(Broken):
                    async with request(service.port, "GET", path, {"X-API-Key": watch.api_key}, silence=5) as answer:
                        parser = Parser()
                        async for data in answer.body():
                            messages += [message for message in parser.feed(data) if message.id]
                await asyncio.sleep(0.05)
    return messages
