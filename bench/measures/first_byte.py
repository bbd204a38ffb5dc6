"""How soon something arrives: one stream after the other, nothing else going on."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial

from ..generator import Result, load
from ..peers.menu import BASE, PEERS
from ..peers.process import Peer
from ..upstreams import recording
from ..upstreams.serving import burst_upstream
from .rounds import interleaved
from .scene import Column, Measure, Results, Scene
from .verified import verify

_STREAMS, _DELTAS = 100, 5


def _one_by_one(peer: Peer) -> Result:
    before = peer.cpu()
    found = load(peer.spec(_STREAMS, _DELTAS, one_by_one=True))
    return {**found, "stream_ms": (peer.cpu() - before) / _STREAMS * 1e3}


def _run(scene: Scene) -> Results:
    with burst_upstream(recording.recorded(_DELTAS), scene.scratch) as upstream, ExitStack() as stack:
        peers = [stack.enter_context(PEERS[name](upstream, 15, scene.scratch)) for name in scene.peers]
        for peer in peers:
            verify(peer, _DELTAS, numbered=True)
            _one_by_one(peer)  # warms up
        beside = [pid for peer in peers for pid in peer.beside]
        return interleaved(scene, {peer.name: partial(_one_by_one, peer) for peer in peers}, *beside)


FIRST_BYTE = Measure(
    "first",
    f"First byte: {_STREAMS} streams of {_DELTAS} deltas, one after the other, medians",
    (
        Column("first_ms", "ms to the first byte"),
        Column("first_event_ms", "ms to the first delta"),
        Column("stream_ms", "CPU-ms per stream"),
    ),
    _run,
    BASE,
)
