"""A disk that fails under runs that are watched: is anything shown that is not saved, is everybody told, does it heal?

``python -m bench.goals.disk_faults [--viewers 8] [--seconds 4]`` (needs strace and the right to trace). strace attaches
to the live service and makes its system calls fail, slows them down, and lets go again: EIO from fsync, EIO from write,
fsyncs of 50 ms, and EROFS, as from a file system that went read-only (a real one refuses to go while files are open for
writing). Last of all the service is killed while its disk refuses; whatever any viewer saw must be in its files.

Control: the same with a service that shows events before it saves them, which must be caught. Exit code 1 when a goal
was missed or the control was not caught.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

from .disk import ready, until
from .service import Service, service
from .witness import Witness, missing

TOLD_WITHIN = 2.0
RED_WITHIN = 5.0
PATIENCE = 60.0
SYNCS, WRITES = "fsync,fdatasync", "pwrite64"


@dataclass(frozen=True)
class Fault:
    """What strace does to which system calls."""

    name: str
    calls: str
    effect: str
    refuses: bool = True
    """Whether nothing can be saved meanwhile."""


FAULTS = (
    Fault("fsync fails (EIO)", SYNCS, "error=EIO"),
    Fault("write fails (EIO)", WRITES, "error=EIO"),
    Fault("read-only (EROFS)", f"{WRITES},{SYNCS},ftruncate", "error=EROFS"),
    Fault("fsync takes 50 ms", SYNCS, "delay_exit=50000", refuses=False),
)


@dataclass
class Outcome:
    """What came of all faults together."""

    lines: list[str] = field(default_factory=list)
    bad: list[str] = field(default_factory=list)


@contextlib.asynccontextmanager
async def injected(pid: int, fault: Fault) -> AsyncIterator[None]:
    """While inside, the calls of the process do as the fault says."""
    select = ["-e", f"trace={fault.calls}", "-e", f"inject={fault.calls}:{fault.effect}"]
    strace = await asyncio.create_subprocess_exec(
        "strace", "-f", *select, "-o", "/dev/null", "-p", str(pid), stderr=subprocess.PIPE
    )
    assert strace.stderr is not None
    try:
        async with asyncio.timeout(PATIENCE):
            while b"attached" not in (line := await strace.stderr.readline()):
                assert line, "strace could not attach"
        yield
    finally:
        # It lets go of the process. Not `terminate`, which would collect one that has ended before asyncio does.
        with contextlib.suppress(ProcessLookupError):
            os.kill(strace.pid, signal.SIGTERM)
        await asyncio.wait_for(strace.wait(), PATIENCE)


class Trial:
    """A service, its viewers, and faults one after the other."""

    def __init__(self, running: Service, folder: Path, viewers: int, seconds: float) -> None:
        self.outcome = Outcome()
        self._running = running
        self._folder = folder
        self._seconds = seconds
        runs = [running.run(model="firehose:100000@5") for _ in range(viewers)]
        self._watching = [Witness(running.port, running.key, run) for run in runs]
        self._asking = [Witness(running.port, running.key) for _ in range(4)]

    async def run(self) -> Outcome:
        tasks = [asyncio.create_task(one.watch()) for one in self._watching]
        tasks += [asyncio.create_task(one.ask(0.1)) for one in self._asking]
        await until(lambda: all(one.last > 5 for one in self._watching))
        for fault in FAULTS:
            await (self._refusing(fault) if fault.refuses else self._slow(fault))
        await self._killed(FAULTS[1], tasks)
        return self.outcome

    async def _refusing(self, fault: Fault) -> None:
        async with injected(self._running.pid, fault):
            began = time.monotonic()
            red = await until(lambda: not ready(self._running))
            told = [await self._told(one, began) for one in (*self._watching, *self._asking)]
            shown = self._shown()
            await asyncio.sleep(self._seconds)
            late = self._shown() - shown
        healed = await until(lambda: ready(self._running))
        marks = [one.last for one in self._watching]
        on = await until(lambda: all(one.last > m + 3 for one, m in zip(self._watching, marks, strict=True)))
        self._say(
            f"{fault.name}: /readyz red after {red:.1f} s, everybody told after {max(told):.1f} s, {late} events shown "
            f"in {self._seconds:g} s then; green {healed:.1f} s after its end, all runs on after {on:.1f} s more"
        )
        self._check(red <= RED_WITHIN, f"{fault.name}: /readyz was green for {red:.1f} s")
        self._check(max(told) <= TOLD_WITHIN, f"{fault.name}: somebody was told after {max(told):.1f} s")
        self._check(late == 0, f"{fault.name}: {late} events were shown while nothing could be saved")

    async def _told(self, one: Witness, began: float) -> float:
        await until(lambda: any(at > began for at in one.told_at))
        return next(at for at in one.told_at if at > began) - began

    async def _slow(self, fault: Fault) -> None:
        for one in self._watching:
            one.silence = 0.0
        ended = sum(len(one.seen) for one in self._asking)
        async with injected(self._running.pid, fault):
            end = time.monotonic() + 2 * self._seconds
            while time.monotonic() < end:
                self._check(await asyncio.to_thread(ready, self._running), f"{fault.name}: /readyz was red")
                await asyncio.sleep(0.5)
        steps = sum(len(one.seen) for one in self._asking) - ended
        silence = max(one.silence for one in self._watching)
        self._say(
            f"{fault.name}: /readyz green, {steps} events of short runs, longest silence of a stream {silence:.1f} s"
        )
        self._check(
            silence < TOLD_WITHIN, f"{fault.name}: a stream of 5 events a second was silent for {silence:.1f} s"
        )
        self._check(steps > 0, f"{fault.name}: no run came to an end")

    async def _killed(self, fault: Fault, tasks: list[asyncio.Task[None]]) -> None:
        async with injected(self._running.pid, fault):
            await until(lambda: not ready(self._running))
            await asyncio.sleep(1)
            self._running.kill()
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        everybody = [*self._watching, *self._asking]
        seen = {key: message for one in everybody for key, message in one.seen.items()}
        await asyncio.to_thread(self._running.start)  # what the journal holds is filed at the next start
        await asyncio.to_thread(self._running.kill)
        gone = missing(self._folder / "oricode.db", seen)
        wrong = sum(one.wrong for one in everybody)
        self._say(
            f"killed while the disk refused: of {len(seen)} events seen, {len(gone)} lost or altered, "
            f"{wrong} out of order"
        )
        self._check(not gone, f"{len(gone)} events that were seen are lost, such as: {gone[:1]}")
        self._check(wrong == 0, f"{wrong} events out of order")

    def _shown(self) -> int:
        return sum(len(one.seen) for one in (*self._watching, *self._asking))

    def _say(self, line: str) -> None:
        self.outcome.lines.append(line)

    def _check(self, holds: bool, otherwise: str) -> None:
        if not holds:
            self.outcome.bad.append(otherwise)


def trial(viewers: int, seconds: float, sabotage: str | None = None) -> Outcome:
    """All faults against one service; its heartbeats are as rare as they are by default."""
    with tempfile.TemporaryDirectory() as name, service(folder=name, sabotage=sabotage) as running:
        return asyncio.run(Trial(running, Path(name), viewers, seconds).run())


def main() -> int:
    asked = argparse.ArgumentParser(prog="python -m bench.goals.disk_faults")
    asked.add_argument("--viewers", type=int, default=8)
    asked.add_argument("--seconds", type=float, default=4.0)
    options = asked.parse_args()
    if shutil.which("strace") is None:
        print("skipped: strace is not installed")
        return 0
    outcome = trial(options.viewers, options.seconds)
    control = trial(options.viewers, options.seconds, "publish-before-commit")
    print("\n".join(outcome.lines))
    print(f"control, events shown before they are saved: {len(control.bad)} findings, such as: {control.bad[:1]}")
    for line in outcome.bad + ([] if control.bad else ["the control was not caught"]):
        print("NOT REACHED:", line)
    return 1 if outcome.bad or not control.bad else 0


if __name__ == "__main__":
    sys.exit(main())
