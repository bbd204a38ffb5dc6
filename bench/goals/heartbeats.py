"""Hundreds of busy streams beside runs that wait for somebody: is there ever more silence than a heartbeat's interval?

``python -m bench.goals.heartbeats [--streams 500] [--seconds 60] [--heartbeat 15]``. Exit code 1 when a stream was
silent for more than a second over the interval, or an event was lost.
"""

from __future__ import annotations

import argparse
import asyncio
import sys

from .service import Service, service
from .viewer import Viewer

WAITING = 5
"""Runs whose tool waits for a person's approval."""
SLACK = 1.0


async def _measure(running: Service, streams: int, seconds: float, heartbeat: float) -> list[str]:
    waiting = [await asyncio.to_thread(running.run, model="demo", approvals=True) for _ in range(WAITING)]
    busy = [await asyncio.to_thread(running.run, model="firehose:100000@1") for _ in range(streams)]
    viewers = [Viewer(running.port, running.key, run, 1.0) for run in [*waiting, *busy]]
    tasks = [asyncio.create_task(viewer.watch()) for viewer in viewers]
    await asyncio.sleep(seconds)
    for task in tasks:
        task.cancel()
    quiet = max(viewer.silence for viewer in viewers[:WAITING])
    longest = max(viewer.silence for viewer in viewers)
    beats, wrong = sum(viewer.beats for viewer in viewers), sum(viewer.wrong for viewer in viewers)
    cut = sum(len(viewer.first_bytes) - 1 for viewer in viewers)
    print(f"{streams} busy streams and {WAITING} that wait, {seconds:.0f} s, a heartbeat every {heartbeat:g} s:")
    print(
        f"longest silence {longest:.2f} s, of those that wait {quiet:.2f} s; {beats} heartbeats; {wrong} wrong events"
    )
    bad = [f"a stream was silent for {longest:.2f} s"] if longest > heartbeat + SLACK else []
    bad += [f"{wrong} events lost or out of order"] if wrong else []
    bad += [f"{cut} streams were cut"] if cut else []
    least = WAITING * int(seconds / heartbeat - 2)
    return bad + ([f"only {beats} heartbeats"] if beats < least else [])


def main() -> int:
    asked = argparse.ArgumentParser(prog="python -m bench.goals.heartbeats")
    asked.add_argument("--streams", type=int, default=500)
    asked.add_argument("--seconds", type=float, default=60)
    asked.add_argument("--heartbeat", type=float, default=15)
    options = asked.parse_args()
    with service(ORICODE_HEARTBEAT_SECONDS=str(options.heartbeat), ORICODE_APPROVALS="*=ask") as running:
        bad = asyncio.run(_measure(running, options.streams, options.seconds, options.heartbeat))
    for line in bad:
        print("NOT REACHED:", line)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
