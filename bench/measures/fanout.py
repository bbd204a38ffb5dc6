"""Fan-out: one run at 50 events a second, 200 viewers, and what an event delivered to one of them costs.

Beside it the same run with one viewer: what of that is the run itself, and the wake-ups of an otherwise idle process.
"""

from __future__ import annotations

from functools import partial

from ..generator import Result
from ..peers.asking import cancel, live_run, viewer, websocket_viewer
from ..peers.menu import OURS
from ..peers.ours import oricode
from ..peers.process import Peer
from .replay import FIREHOSE_MARK
from .rounds import interleaved
from .scene import Column, Measure, Results, Scene
from .window import window

VIEWERS = 200
_RATE = 50
_FIREHOSE = f"firehose:100000@{_RATE}"
_SETTLE, _SECONDS = 1.0, 4.0
BATCH_MS = 100
ONE_VIEWER = "SSE, one viewer"
_NOWHERE = "http://127.0.0.1:9"


def _watch(seen: Peer, viewers: int) -> Result:
    found = window(seen, seen.spec(viewers, 0, mark=FIREHOSE_MARK, spread=0.5), _SETTLE, _SECONDS)
    due = viewers * _RATE * found.seconds
    result: Result = {"us": found.cpu / max(1, found.events) * 1e6, "rate": found.events / found.seconds}
    if abs(found.events - due) > 0.05 * due:
        result["warning"] = f"{found.events:,} events were delivered of {due:,.0f}"
    return result


def _run(scene: Scene) -> Results:
    if not scene.only(OURS):
        return {}
    with oricode(_NOWHERE, 15, scene.scratch, model=_FIREHOSE) as peer:

        def fresh(make: str, batch_ms: int, viewers: int = VIEWERS) -> Result:
            # A run of its own each time: nobody has to catch up with a long log first.
            run = live_run(peer, _FIREHOSE)
            seen = (viewer if make == "SSE" else websocket_viewer)(peer, run, batch_ms=batch_ms)
            found = _watch(seen, viewers)
            cancel(peer, run)
            return found

        cases = {
            "SSE": partial(fresh, "SSE", 0),
            f"SSE, batch_ms={BATCH_MS}": partial(fresh, "SSE", BATCH_MS),
            ONE_VIEWER: partial(fresh, "SSE", 0, 1),
            "WebSocket": partial(fresh, "WebSocket", 0),
            f"WebSocket, batch_ms={BATCH_MS}": partial(fresh, "WebSocket", BATCH_MS),
        }
        counted = Scene(scene.peers, scene.scratch, max(1, scene.rounds // 2), min(2, scene.spare))
        return interleaved(counted, cases)


FANOUT = Measure(
    "fanout",
    f"Fan-out: one run at {_RATE}/s, {VIEWERS} viewers; the run itself included",
    (Column("us", "CPU-µs per delivered event"), Column("rate", "events/s", ratio=False)),
    _run,
    "SSE",
)
