"""A disk that fills up, under runs that are watched: is anything shown that is not stored, and does it heal by itself?

``python -m bench.goals.disk [--viewers 8]`` (as root: the disk is a tmpfs of 8 MB of its own, filled by a file beside
the database and emptied again). Exit code 1 when a viewer lost an event, ``/readyz`` stayed green for more than 5 s,
or runs did not go on afterwards.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from .service import Service, service
from .viewer import Viewer

RED_WITHIN = 5.0
PATIENCE = 60.0


def ready(running: Service) -> bool:
    """Whether ``/readyz`` is green."""
    try:
        with urllib.request.urlopen(f"{running.url}/readyz", timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.HTTPError, TimeoutError):
        return False


async def until(reached: Callable[[], bool]) -> float:
    """Return when ``reached`` is true; the seconds that took."""
    began = time.monotonic()
    async with asyncio.timeout(PATIENCE):
        while not await asyncio.to_thread(reached):
            await asyncio.sleep(0.05)
    return time.monotonic() - began


def _fill(path: Path) -> None:
    with path.open("wb", buffering=0) as filler:
        try:
            while True:
                filler.write(b"\0" * 4096)
        except OSError:
            return


async def _measure(running: Service, folder: Path, count: int) -> list[str]:
    runs = [await asyncio.to_thread(running.run, model="firehose:100000@5") for _ in range(count)]
    viewers = [Viewer(running.port, running.key, run, 1.0) for run in runs]
    tasks = [asyncio.create_task(viewer.watch()) for viewer in viewers]
    await until(lambda: all(viewer.seq > 5 for viewer in viewers))
    await asyncio.to_thread(_fill, folder / "filler")
    red = await until(lambda: not ready(running))
    shown = [viewer.seq for viewer in viewers]
    await asyncio.sleep(3)
    during = [viewer.seq - seq for viewer, seq in zip(viewers, shown, strict=True)]
    (folder / "filler").unlink()
    healed = await until(lambda: ready(running))
    shown = [viewer.seq for viewer in viewers]
    on = await until(lambda: all(v.seq > seq + 5 for v, seq in zip(viewers, shown, strict=True)))
    for task in tasks:
        task.cancel()
    wrong = sum(viewer.wrong for viewer in viewers)
    print(f"{count} runs on a full disk: /readyz red after {red:.1f} s, {sum(during)} events shown in 3 s meanwhile")
    print(f"room again: green after {healed:.1f} s, all runs on after {on:.1f} s more; {wrong} events lost or wrong")
    bad = [f"/readyz was green for {red:.1f} s"] if red > RED_WITHIN else []
    return bad + ([f"{wrong} events lost or out of order"] if wrong else [])


def main() -> int:
    asked = argparse.ArgumentParser(prog="python -m bench.goals.disk")
    asked.add_argument("--viewers", type=int, default=8)
    options = asked.parse_args()
    with tempfile.TemporaryDirectory() as name:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", name], check=True)
        try:
            with service(folder=name) as running:
                bad = asyncio.run(_measure(running, Path(name), options.viewers))
        finally:
            subprocess.run(["umount", "--lazy", name], check=True)
    for line in bad:
        print("NOT REACHED:", line)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
