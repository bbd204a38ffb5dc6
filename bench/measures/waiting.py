"""Streams that wait for a silent upstream: memory of each, CPU of each heartbeat."""

from __future__ import annotations

from functools import partial

from ..generator import Result
from ..peers.menu import BASE, PEERS, WITHOUT_HEARTBEATS
from ..upstreams.serving import paced_upstream
from .rounds import interleaved
from .scene import Column, Measure, Results, Scene
from .window import window

_STREAMS = 1000
_BEAT = 1.0
_SETTLE, _SECONDS = 3.0, 8.0


def _wait(scene: Scene, upstream: str, name: str) -> Result:
    """A fresh process each time: memory that was freed is not given back."""
    with PEERS[name](upstream, _BEAT, scene.scratch) as peer:
        window(peer, peer.spec(20, 0), 0.5, 0.5)  # warms up: what the first requests import is no stream's
        before = peer.rss()
        found = window(peer, peer.spec(_STREAMS, 0, spread=3), _SETTLE, _SECONDS)
        return {
            "kb": (found.rss - before) / _STREAMS / 1024,
            "beat_us": found.cpu / (_STREAMS * found.seconds / _BEAT) * 1e6,
        }


def _run(scene: Scene) -> Results:
    names = [name for name in scene.peers if name not in WITHOUT_HEARTBEATS]
    counted = Scene(scene.peers, scene.scratch, max(1, scene.rounds // 2), min(2, scene.spare))
    with paced_upstream(0, 0) as upstream:
        return interleaved(counted, {name: partial(_wait, scene, upstream, name) for name in names})


WAITING = Measure(
    "waiting",
    f"{_STREAMS:,} open streams on a silent upstream, a heartbeat a second",
    (Column("kb", "KB per waiting stream"), Column("beat_us", "CPU-µs per heartbeat")),
    _run,
    BASE,
)
