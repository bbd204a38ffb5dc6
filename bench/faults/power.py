"""Power cuts without cutting power: what the files would hold if everything since their last fsync were gone.

In: a trace of a service's writes (strace, attached to the live process) and a copy of its data directory from the
moment the trace began. Out: the directory as it would be found after a cut at any time in the trace. Writes since a
file's last fsync are undone; they are not torn or reordered. What a failed fsync was to bring to the disk never gets
there, unless it is written again: the kernel may count its pages as clean.
"""

from __future__ import annotations

import ast
import asyncio
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from .processes import Child

_CALL = re.compile(r"^\d+ +(\d+\.\d+) (\w+)\(\d+<([^>]+)>(.*)\) += +(-?\d+)")
_WRITE = re.compile(r', "((?:\\x[0-9a-f]{2})*)", (\d+), (\d+)$')


@dataclass(frozen=True)
class Action:
    """One system call on one file; ``data`` None: everything written so far reached the disk."""

    at: float
    """Unix time."""
    file: str
    data: bytes | None = None
    offset: int = 0
    size: int | None = None
    """New length, for a truncation."""
    failed: bool = False
    """An fsync that did not succeed."""


def available() -> bool:
    """Whether strace is installed."""
    return shutil.which("strace") is not None


async def trace(pid: int, output: Path, inject: str | None = None) -> Child:
    """Attach to a running service; ends with it. Returns when every write is seen. ``inject``: strace's, of faults."""
    calls = "trace=pwrite64,fsync,fdatasync,ftruncate"
    command = ["strace", "-f", "-y", "-ttt", "-xx", "-s", "1000000", "-e", calls, "-o", str(output), "-p", str(pid)]
    if inject is not None:
        command += ["-e", f"inject={inject}"]
    child, _ = await Child.start(command, r"attached")
    return child


def actions(trace: Path, folder: Path) -> list[Action]:
    """What the trace says of the database's files, in order."""
    found: list[Action] = []
    halves: dict[str, str] = {}
    for line in trace.read_text().splitlines():
        whole = _joined(line, halves)
        match = _CALL.match(whole) if whole else None
        if match is None:
            continue
        at, call, path, rest = float(match[1]), match[2], Path(_decoded(match[3])), match[4]
        failed = int(match[5]) < 0
        if failed and "sync" not in call:
            continue
        if path.parent != folder or path.name not in ("oricode.db", "oricode.db-wal"):
            continue
        if call == "pwrite64":
            written = _WRITE.search(rest)
            assert written is not None, rest[-80:]
            data = bytes.fromhex(written[1].replace("\\x", ""))
            found.append(Action(at, path.name, data, int(written[3])))
        elif call == "ftruncate":
            found.append(Action(at, path.name, b"", 0, int(rest.strip(", "))))
        else:
            found.append(Action(at, path.name, failed=failed))
    return found


def _decoded(path: str) -> str:
    """``-xx`` writes paths as escapes too."""
    return str(ast.literal_eval(f'"{path}"')) if "\\x" in path else path


def _joined(line: str, halves: dict[str, str]) -> str | None:
    """A call that was interrupted by another thread's, put together again; its time is that of its end."""
    pid, stamp, rest = line.split(None, 2)
    if rest.endswith("<unfinished ...>"):
        halves[pid] = rest.removesuffix("<unfinished ...>").rstrip()
        return None
    if resumed := re.match(r"<\.\.\. \w+ resumed>(.*)", rest):
        begun = halves.pop(pid, None)
        return f"{pid} {stamp} {begun}{resumed[1]}" if begun is not None else None
    return line


def cut(start: Path, done: list[Action], at: int, target: Path) -> None:
    """The files after a power cut behind the first ``at`` actions, made from the copy in ``start``."""
    target.mkdir(parents=True)
    for name in ("oricode.db", "oricode.db-wal"):
        mine = [action for action in done[:at] if action.file == name]
        source = start / name
        content = bytearray(source.read_bytes() if source.exists() else b"")
        dirty: list[Action] = []
        for action in mine:
            if action.data is not None:
                dirty.append(action)
                continue
            for written in dirty if not action.failed else ():
                _write(content, written)
            dirty.clear()
        (target / name).write_bytes(content)


def _write(content: bytearray, action: Action) -> None:
    if action.size is not None:
        del content[action.size :]
        content.extend(bytes(max(0, action.size - len(content))))
    elif action.data is not None:
        content.extend(bytes(max(0, action.offset - len(content))))
        content[action.offset : action.offset + len(action.data)] = action.data


async def copy_idle(folder: Path, target: Path) -> None:
    """A copy of the database while nobody writes."""
    target.mkdir(parents=True)
    for name in ("oricode.db", "oricode.db-wal"):
        if (folder / name).exists():
            await asyncio.to_thread(shutil.copyfile, folder / name, target / name)
