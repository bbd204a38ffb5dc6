"""What the machine's processors do, from /proc: CPU time and memory of processes, and how busy all others are.

CPU-µs per event hold on a noisy machine only so far: two processes on one shared core, or on two threads of one, slow
each other down. A round in which others used more than ``QUIET`` of the machine is therefore not counted.
"""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path
from typing import NamedTuple

QUIET = 0.10
"""Share of all processors that other processes may use in a round that counts."""
_TICK = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_GONE = (FileNotFoundError, ProcessLookupError)


class Usage(NamedTuple):
    """Seconds since some beginning: of the wall, of all processors, of us (see ``usage``)."""

    wall: float
    busy: float
    ours: float


def usage(*beside: int) -> Usage:
    """Ours is this process, all that descend from it, also those that ended, and ``beside`` with theirs."""
    return Usage(time.monotonic(), busy(Path("/proc/stat").read_text()), cpu_of(os.getpid(), *beside))


def busy(stat: str) -> float:
    """Seconds that processes ran, or the host took, of ``/proc/stat``; without interrupts, which may be ours."""
    user, nice, system, _idle, _wait, _irq, _softirq, steal = map(int, stat.split("\n", 1)[0].split()[1:9])
    return (user + nice + system + steal) / _TICK


def share_of_others(before: Usage, after: Usage, processors: int) -> float:
    """What others used of the machine between two looks, 0 to 1."""
    others = (after.busy - before.busy) - (after.ours - before.ours)
    return max(0.0, others / max(1e-9, (after.wall - before.wall) * processors))


def cpu_of(*pids: int) -> float:
    """CPU seconds of living processes and all that descend from them.

    By the scheduler's own count (nanoseconds) of those that live, by the kernel's ticks of those that ended.
    """
    total = ended = 0
    for pid in [member for root in pids for member in family(root)]:
        with contextlib.suppress(*_GONE):
            for task in Path(f"/proc/{pid}/task").iterdir():
                total += int((task / "schedstat").read_text().split()[0])
            # Behind the name, which may hold anything: fields 16 and 17, of children that were waited for.
            ended += sum(map(int, Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[13:15]))
    return total / 1e9 + ended / _TICK


def rss_of(*pids: int) -> int:
    """Resident bytes of processes and their descendants."""
    total = 0
    for pid in [member for root in pids for member in family(root)]:
        with contextlib.suppress(*_GONE):
            total += int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
    return total


def family(pid: int) -> list[int]:
    """A process and all that descend from it."""
    children: list[str] = []
    with contextlib.suppress(*_GONE):
        for task in Path(f"/proc/{pid}/task").iterdir():
            children += (task / "children").read_text().split()
    return [pid, *(grand for child in children for grand in family(int(child)))]
