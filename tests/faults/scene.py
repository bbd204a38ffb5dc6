"""A service to break, runs to start and judge: what the tests of this folder say in one line each."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from bench.faults import plan as plans
from bench.faults.drivers import read_log
from bench.faults.forked import Zygote
from bench.faults.observer import Sight, Verdict, counted, judge, judge_effects
from bench.faults.service import Service
from bench.faults.viewers import HoppingViewer, Watch
from bench.faults.wire import Message


@dataclass
class Outside:
    """What survives every fault: where the provider and the counter are."""

    zygote: Zygote
    provider: str
    counter: str
    counts: Path


@dataclass
class Bench:
    """A service to break, and runs to judge."""

    service: Service
    counts: Path
    zygote: Zygote
    verdict: Verdict = field(default_factory=Verdict)
    _number: int = 0

    def watch(
        self, shape: str, *, seed: int = 1, limit: float = 25.0, ports: list[int] | None = None
    ) -> tuple[plans.Plan, Watch]:
        """A run to start: what it must come to, and what its viewers share. ``seed``: seconds of slow and busy ones."""
        self._number += 1
        tag = f"{self.service.folder.parent.name.replace('_', '').replace('-', '')}n{self._number}"
        watch = Watch(
            {"prompt": plans.prompt(tag, seed, shape), "client_type": "eclipse"},
            f"key-{tag}",
            self.service.key,
            ports or [self.service.port],
            random.Random(tag),
            limit=limit,
        )
        return plans.make(tag, seed, shape), watch

    async def judge(self, wanted: plans.Plan, watch: Watch, *sights: Sight, limit: float = 10.0) -> list[Message]:
        """Judge a run and its effects; the log."""
        log = await read_log(self.service, watch, limit)
        judge(self.verdict, wanted, sights, log)
        mine = {ticket: count for ticket, count in counted(self.counts).items() if ticket in wanted.tickets}
        judge_effects(self.verdict, [(wanted, log)], Counter(mine))
        return log


def viewer(watch: Watch, name: str = "first", **options: object) -> HoppingViewer:
    """A viewer that starts the run."""
    return HoppingViewer(name, watch, **{"starts": True, **options})  # type: ignore[arg-type]
