"""CPU per forwarded event: burst, and paced with the latency that a peer adds."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial

from ..generator import Result, load
from ..peers.menu import BASE, PEERS
from ..peers.process import Peer
from ..upstreams import recording
from ..upstreams.serving import burst_upstream, paced_upstream
from .rounds import interleaved
from .scene import Column, Measure, Results, Scene
from .verified import verify

_HEARTBEAT = 15.0
_BURST, _DELTAS = 64, 500
_PERIOD, _PACED = 0.02, 250
_GENERATOR = Column("load_share", "load generator, % of its core", ratio=False)


def once(peer: Peer, streams: int, deltas: int, spread: float = 0) -> Result:
    """One load, setting up its streams included; what was not whole is told as a warning."""
    before = peer.cpu()
    found = load(peer.spec(streams, deltas, spread=spread))
    cpu = peer.cpu() - before  # threads that ended would be missed; peers keep theirs
    if found["exact"] != streams:
        found["warning"] = f"only {found['exact']} of {streams} streams were complete"
    return {
        **found,
        "us": cpu / max(1, found["events"]) * 1e6,
        "rate": found["events"] / found["wall"],
        "load_share": 100 * found["load_cpu"] / found["wall"],
    }


def _all(scene: Scene, upstream: str, streams: int, deltas: int, spread: float, rounds: int) -> Results:
    with ExitStack() as stack:
        peers = [stack.enter_context(PEERS[name](upstream, _HEARTBEAT, scene.scratch)) for name in scene.peers]
        for peer in peers:
            verify(peer, deltas, numbered=spread == 0)
            once(peer, streams, deltas, spread)  # warms up
        cases = {peer.name: partial(once, peer, streams, deltas, spread) for peer in peers}
        beside = [pid for peer in peers for pid in peer.beside]
        counted = Scene(scene.peers, scene.scratch, rounds, scene.spare)
        return interleaved(counted, cases, *beside)


def _burst(scene: Scene) -> Results:
    with burst_upstream(recording.recorded(_DELTAS), scene.scratch) as upstream:
        return _all(scene, upstream, _BURST, _DELTAS, 0, scene.rounds)


def _paced(scene: Scene) -> Results:
    with paced_upstream(_PACED, _PERIOD) as upstream:
        return _all(scene, upstream, 100, _PACED, 1, scene.rounds)


def _many(scene: Scene) -> Results:
    with paced_upstream(_PACED, _PERIOD) as upstream:
        return _all(scene, upstream, 500, _PACED, 1, max(1, scene.rounds // 2))


_LATENCY = (
    Column("us", "CPU-µs per event"),
    Column("p50_ms", "added p50 ms"),
    Column("p99_ms", "added p99 ms"),
    Column("rate", "events/s"),
    _GENERATOR,
)
BURST = Measure(
    "burst",
    f"Burst: {_BURST} streams of {_DELTAS} deltas",
    (Column("us", "CPU-µs per event"), Column("rate", "events/s"), _GENERATOR),
    _burst,
    BASE,
)
PACED = Measure("paced", "Paced: 100 streams × 50/s", _LATENCY, _paced, BASE)
MANY = Measure("many", "Paced: 500 streams × 50/s", _LATENCY, _many, BASE)
