"""The service is killed under thousands of viewers: how long until all are back, and has each got everything?

``python -m bench.goals.storm [--viewers 5000] [--kills 2] [--seed 1]``. All read one run, an event a second. Exit code
1 when a viewer lost an event, was not back within 10 s or was refused, or when one in a hundred waited a second for its
first byte. The viewers are one process: where its CPU time nears the time they took, the first byte tells of the
viewers, not of the service; so both are said.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import resource
import sys
import time

import uvloop

from .service import Service, service
from .viewer import Viewer

BACK_WITHIN = 10.0
FIRST_BYTE_WITHIN = 1.0
"""Seconds from connecting, for all but one in a hundred."""
RETRY = 2.0
"""Seconds over which clients spread their coming; their coming back as the service asks of each."""
PATIENCE = 60.0


async def _storm(running: Service, viewers: int, kills: int) -> list[str]:
    bad: list[str] = []
    run = await asyncio.to_thread(running.run, model="firehose:100000@1")
    watching = [Viewer(running.port, running.key, run, RETRY) for _ in range(viewers)]
    tasks = [asyncio.create_task(viewer.watch()) for viewer in watching]
    await _until(lambda: all(viewer.seq for viewer in watching))
    for number in range(kills):
        for viewer in watching:
            viewer.first_bytes.clear()
        await asyncio.to_thread(running.kill)
        down = time.monotonic()
        await asyncio.to_thread(running.start)
        up, service_cpu, own_cpu = time.monotonic(), running.cpu(), time.process_time()
        await _until(lambda down=down: all(viewer.back_at > down for viewer in watching))  # type: ignore[misc]
        took = max(viewer.back_at for viewer in watching) - up
        first = sorted(seconds for viewer in watching for seconds in viewer.first_bytes)
        p99 = first[int(len(first) * 0.99)]
        service_cpu, own_cpu = running.cpu() - service_cpu, time.process_time() - own_cpu
        print(f"kill {number + 1}: {viewers} viewers back {took:.1f} s after the start; first byte p99 {p99:.2f} s")
        print(f"        CPU meanwhile: the service {service_cpu:.1f} s, the viewers {own_cpu:.1f} s")
        if took > BACK_WITHIN:
            bad.append(f"the last viewer was back after {took:.1f} s")
        if p99 > FIRST_BYTE_WITHIN:
            bad.append(f"the first byte took {p99:.2f} s")
    last = min(viewer.seq for viewer in watching)
    await _until(lambda: min(viewer.seq for viewer in watching) > last + 2)
    for task in tasks:
        task.cancel()
    wrong, refused = sum(v.wrong for v in watching), sum(v.refused for v in watching)
    print(f"events seen: {sum(v.seq for v in watching)}, lost or out of order: {wrong}, refused: {refused}")
    return bad + [f"{wrong} wrong events"] * (wrong > 0) + [f"{refused} refused"] * (refused > 0)


async def _until(reached: object) -> None:
    assert callable(reached)
    async with asyncio.timeout(PATIENCE):
        while not reached():
            await asyncio.sleep(0.05)


def main() -> int:
    asked = argparse.ArgumentParser(prog="python -m bench.goals.storm")
    asked.add_argument("--viewers", type=int, default=5000)
    asked.add_argument("--kills", type=int, default=2)
    asked.add_argument("--seed", type=int, default=1)
    options = asked.parse_args()
    random.seed(options.seed)
    files = options.viewers + 1000
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, max(files, resource.getrlimit(resource.RLIMIT_NOFILE)[1])))
    unlimited = {"ORICODE_MAX_CONNECTIONS_PER_KEY": "0", "ORICODE_MAX_CONNECTIONS_PER_ADDRESS": "0"}
    with service(**unlimited) as running:
        bad = uvloop.run(_storm(running, options.viewers, options.kills))
    for line in bad:
        print("NOT REACHED:", line)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
