"""Starting: from the process's start to its first answer and until it is ready, and what it weighs then.

Each start is the first one in its folder: our service asks the SDK for the heads of its requests, which later starts
find there.
"""

from __future__ import annotations

import time
from functools import partial

from ..generator import Result
from ..peers.menu import BASE, PEERS
from .rounds import interleaved
from .scene import Column, Measure, Results, Scene

_SETTLE = 0.5
_NOWHERE = "http://127.0.0.1:9"


def _start(scene: Scene, name: str) -> Result:
    with PEERS[name](_NOWHERE, 15, scene.scratch) as peer:
        time.sleep(_SETTLE)
        running = peer.running
        return {
            "seconds": running.seconds,
            "ready": running.ready_seconds,
            "cpu": peer.cpu(),
            "mb": peer.rss() / 1e6,
        }


def _run(scene: Scene) -> Results:
    for name in scene.peers:
        _start(scene, name)  # its files are in the page cache from here on
    return interleaved(scene, {name: partial(_start, scene, name) for name in scene.peers})


START = Measure(
    "start",
    "Start: until it answers, and idle",
    (
        Column("seconds", "s until it answers"),
        Column("ready", "s until it is ready"),
        Column("cpu", "CPU-s"),
        Column("mb", "RSS MB idle"),
    ),
    _run,
    BASE,
)
