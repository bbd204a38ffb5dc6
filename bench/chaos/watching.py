"""Runs through the cluster, one after the other in each lane, and how long viewers waited at each take-over."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from bench.faults import plan as plans
from bench.faults.client_viewer import ClientViewer
from bench.faults.drivers import read_log
from bench.faults.observer import Sight, Verdict, judge
from bench.faults.plan import Plan
from bench.faults.viewers import DocumentViewer, HoppingViewer, Watch
from bench.faults.wire import Broken, Message

from .cluster import Cluster

STAY = 4.0
"""Seconds that a viewer stays with one instance, on average."""
PATIENCE = 300.0
"""Seconds after which a run that did not end counts as hanging; each take-over costs one a lease."""


class Waits:
    """From the death of a run's owner to the first event of the next epoch that any viewer saw."""

    def __init__(self) -> None:
        self.seconds: dict[str, list[float]] = {}
        """By kind of death."""
        self._waiting: dict[str, tuple[str, float, int]] = {}
        """Run id -> kind, when, epoch seen until then."""
        self._epochs: dict[str, int] = {}

    def died(self, kind: str, runs: Iterable[str]) -> None:
        """The owner of these runs ends now."""
        now = time.monotonic()
        for run in runs:
            if run in self._epochs:
                self._waiting[run] = (kind, now, self._epochs[run])

    def saw(self, message: Message) -> None:
        """A viewer got a durable event."""
        run, epoch, _ = message.id.split(".")
        self._epochs[run] = max(int(epoch), self._epochs.get(run, 0))
        waiting = self._waiting.get(run)
        if waiting is not None and int(epoch) > waiting[2]:
            del self._waiting[run]
            self.seconds.setdefault(waiting[0], []).append(time.monotonic() - waiting[1])

    def forget(self, run: str) -> None:
        """The run has ended."""
        self._waiting.pop(run, None)
        self._epochs.pop(run, None)


class TimedViewer(HoppingViewer):
    """Leaves its instance for another one now and then; also tells when a new epoch began."""

    waits: Waits

    async def _connect(self) -> None:
        try:
            async with asyncio.timeout(self._watch.rng.expovariate(1 / STAY)):
                await super()._connect()
        except TimeoutError:
            raise Broken("left") from None

    def _take(self, message: Message) -> None:
        super()._take(message)
        if message.id:
            self.waits.saw(message)


class PatientDocumentViewer(DocumentViewer):
    """Asks again when its instance was drained before the run had ended: the document then says ``running``."""

    def _take(self, status: int, body: bytes) -> None:
        if not (status == 200 and b'"status":"running"' in body):
            super()._take(status, body)


@dataclass
class Scene:
    """The cluster and what became of it."""

    cluster: Cluster
    seed: int
    verdict: Verdict = field(default_factory=Verdict)
    faults: Counter[str] = field(default_factory=Counter)
    waits: Waits = field(default_factory=Waits)
    logs: list[tuple[Plan, list[Message]]] = field(default_factory=list)
    exits: list[float] = field(default_factory=list)
    """Seconds from SIGTERM to the end of the process."""
    moves: list[float] = field(default_factory=list)
    """Seconds from SIGTERM until another instance wrote the first event of a run it was handed."""
    crashing: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held by whatever must not fall together with a crash of the database."""
    stopping: asyncio.Event = field(default_factory=asyncio.Event)


async def keep_running(scene: Scene, rng: random.Random, lane: int) -> None:
    """Runs until told to stop."""
    number = 0
    while not scene.stopping.is_set():
        number += 1
        await one_run(scene, random.Random(rng.random()), f"s{scene.seed}l{lane}n{number}")


async def one_run(scene: Scene, rng: random.Random, tag: str) -> None:
    """Start a run, watch it by two viewers that connect to any instance, judge it."""
    shape = rng.choice(("mixed", "mixed", "text", "upload", "effect", "slow"))
    seed = rng.randint(6, 15) if shape == "slow" else rng.randrange(10**6)
    wanted = plans.make(tag, seed, shape)
    watch = Watch(
        {"prompt": plans.prompt(tag, seed, shape), "client_type": "eclipse"},
        f"key-{tag}", scene.cluster.key, scene.cluster.ports, rng, limit=PATIENCE,
    )  # fmt: skip
    viewers = [_timed("first", scene, watch, starts=True), _second(scene, watch, rng)]
    sights: list[Sight] = await asyncio.gather(*(viewer.run() for viewer in viewers))
    log = await read_log(scene.cluster, watch)  # type: ignore[arg-type]
    judge(scene.verdict, wanted, sights, log)
    scene.logs.append((wanted, [m for m in log if m.event in ("tool_call", "tool_result")]))
    if watch.run_id.done():
        scene.waits.forget(watch.run_id.result())


def _timed(name: str, scene: Scene, watch: Watch, *, starts: bool) -> TimedViewer:
    viewer = TimedViewer(name, watch, starts=starts)
    viewer.waits = scene.waits
    return viewer


def _second(scene: Scene, watch: Watch, rng: random.Random) -> HoppingViewer | DocumentViewer | ClientViewer:
    kind = rng.choice(("hops", "hops", "client-sse", "client-websocket", "document"))
    if kind == "hops":
        return _timed("second", scene, watch, starts=False)
    if kind == "document":
        return PatientDocumentViewer("document", watch)
    through_nginx = Watch(**{**vars(watch), "ports": [scene.cluster.nginx]})  # a client keeps its address
    return ClientViewer(kind, through_nginx, "sse" if kind == "client-sse" else "websocket")
