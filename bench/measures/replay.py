"""Replay: one reader comes late and takes the whole log of a run that has ended."""

from __future__ import annotations

from functools import partial

from ..generator import Result, load
from ..peers.asking import ended_run, viewer, websocket_viewer
from ..peers.menu import OURS
from ..peers.ours import oricode
from ..peers.process import Peer
from .rounds import interleaved
from .scene import Column, Measure, Results, Scene

EVENTS = 100_000
FIREHOSE_MARK = r"delta (\d+) "
_FIREHOSE = f"firehose:{EVENTS}"
_NOWHERE = "http://127.0.0.1:9"


def _replay(peer: Peer) -> Result:
    before = peer.cpu()
    found = load(peer.spec(1, EVENTS, mark=FIREHOSE_MARK))
    cpu = peer.cpu() - before
    if found["exact"] != 1:
        raise RuntimeError(f"{found['events']} of {EVENTS} events were replayed, or not in order")
    seconds = found["last_event_ms"] / 1e3
    return {
        "rate": EVENTS / seconds,
        "cpu_rate": EVENTS / cpu,
        "first_ms": found["first_ms"],
        "load_share": 100 * found["load_cpu"] / found["wall"],
    }


def _run(scene: Scene) -> Results:
    if not scene.only(OURS):
        return {}
    with oricode(_NOWHERE, 15, scene.scratch, model=_FIREHOSE) as peer:
        run = ended_run(peer, _FIREHOSE)["run_id"]
        viewers = {"SSE": viewer(peer, run), "WebSocket": websocket_viewer(peer, run)}
        for each in viewers.values():
            _replay(each)  # warms up
        return interleaved(scene, {name: partial(_replay, each) for name, each in viewers.items()})


REPLAY = Measure(
    "replay",
    f"Replay of {EVENTS:,} events to one reader",
    (
        Column("rate", "events/s", ratio=False),
        Column("cpu_rate", "events per CPU-s", ratio=False),
        Column("first_ms", "first byte ms", ratio=False),
        Column("load_share", "load generator, % of its core", ratio=False),
    ),
    _run,
    "SSE",
)
