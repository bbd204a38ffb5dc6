"""Growth: what an event costs as runs grow from 10 to 1,000 at one total rate, and as one log grows to a million."""

from __future__ import annotations

from functools import partial

from ..generator import Result, load, running
from ..peers.asking import ended_run, viewer
from ..peers.menu import OURS
from ..peers.ours import oricode
from ..peers.process import Peer
from ..upstreams.serving import paced_upstream
from .replay import FIREHOSE_MARK
from .rounds import interleaved
from .scene import Column, Measure, Results, Scene
from .window import window

_RATE = 2_500
"""Events a second over all runs."""
_RUNS = (10, 100, 1000)
_SETTLE, _SECONDS = 2.0, 6.0
_LOG = 1_000_000
_STRETCHES = {"log of 1,000 to 101,000": (1_000, 101_000), "log of 900,000 to 1,000,000": (900_000, 1_000_000)}
_RESUMES = 50
_NOWHERE = "http://127.0.0.1:9"


def _runs(scene: Scene, runs: int) -> Result:
    """No run begins or ends while we look, and none has to wait for another."""
    period = runs / _RATE
    with paced_upstream(10**9, period) as upstream, oricode(upstream, 15, scene.scratch) as peer:
        found = window(peer, peer.spec(runs, 0, spread=2), max(_SETTLE, 2 * period), _SECONDS)
        return {"us": found.cpu / max(1, found.events) * 1e6, "rate": found.events / found.seconds}


def _fewer(scene: Scene) -> Scene:
    return Scene(scene.peers, scene.scratch, max(1, scene.rounds // 2), min(1, scene.spare))


def _by_runs(scene: Scene) -> Results:
    if not scene.only(OURS):
        return {}
    return interleaved(_fewer(scene), {f"{runs:,} runs": partial(_runs, scene, runs) for runs in _RUNS})


def _log(scene: Scene) -> dict[str, Result]:
    """One run of a million events, watched by one reader who keeps up; readers come back to it and to a short one."""
    milestones = sorted({at for stretch in _STRETCHES.values() for at in stretch})
    with oricode(_NOWHERE, 15, scene.scratch, model=f"firehose:{_LOG}") as peer:
        short = ended_run(peer, "firehose:1000")
        spec = peer.spec(1, _LOG, mark=FIREHOSE_MARK, milestones=milestones, limit=120)
        cpu: dict[int, tuple[int, float]] = {}
        with running(spec) as generator:
            for milestone in milestones:
                cpu[milestone] = generator.line()["at"], peer.cpu()
            found = generator.line()
        if found["exact"] != 1:
            raise RuntimeError(f"{found['events']:,} of {_LOG:,} events arrived, or not in order")
        run, epoch, _ = found["first_id"].split(".")
        result: dict[str, Result] = {}
        for (name, (begin, end)), last in zip(
            _STRETCHES.items(), (short["last_event_id"], f"{run}.{epoch}.{_LOG}"), strict=True
        ):
            events, seconds = cpu[end][0] - cpu[begin][0], cpu[end][1] - cpu[begin][1]
            result[name] = {"us": seconds / events * 1e6, **_resumes(peer, last)}
        return result


def _resumes(peer: Peer, last: str) -> Result:
    """Readers who come back one after the other for the last ten events; dropped at their first byte."""
    run, epoch, seq = last.split(".")
    seen = viewer(peer, run, after=f"{run}.{epoch}.{int(seq) - 10}")
    before = peer.cpu()
    found = load(seen.spec(_RESUMES, 0, mark=FIREHOSE_MARK, one_by_one=True, first_only=True))
    return {"resume_ms": found["first_ms"], "resume_cpu_ms": (peer.cpu() - before) / _RESUMES * 1e3}


def _by_log(scene: Scene) -> Results:
    if not scene.only(OURS):
        return {}
    results: Results = {name: [] for name in _STRETCHES}

    def both() -> Result:
        found = _log(scene)
        for name, result in found.items():
            results[name].append(result)
        return {}

    judged = interleaved(_fewer(scene), {"both": both})["both"]
    return {name: [{**a, **b} for a, b in zip(found, judged, strict=True)] for name, found in results.items()}


RUNS = Measure(
    "runs",
    f"Growth in runs: {_RATE:,} events a second over all of them",
    (Column("us", "CPU-µs per event"), Column("rate", "events/s", ratio=False)),
    _by_runs,
    "10 runs",
)
LOG = Measure(
    "log",
    f"Growth of one log to {_LOG:,} events: one reader keeps up, others resume",
    (
        Column("us", "CPU-µs per event"),
        Column("resume_ms", "ms to a resume's first byte"),
        Column("resume_cpu_ms", "CPU-ms of a resume"),
    ),
    _by_log,
    next(iter(_STRETCHES)),
)
