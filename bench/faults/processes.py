"""Child processes of the suite: started with a milestone to wait for, ended for certain.

In: a command and the line that says it is ready. Out: the process and that line's match. What a child says is kept,
the last 200 lines of it, for the report when something is wrong.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PYTHON = sys.executable


def environment(**more: str) -> dict[str, str]:
    """Ours without any setting of the service; modules of the suite and of the tests can be imported."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("ORICODE_", "ANTHROPIC_"))}
    return {**clean, "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}", "PYTHONUNBUFFERED": "1", **more}


class Child:
    """One process, in a process group of its own."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.said: deque[str] = deque(maxlen=200)
        self._reading: asyncio.Task[None] | None = None

    @classmethod
    async def start(
        cls, command: Sequence[str], ready: str = "", *, limit: float = 30.0, env: Mapping[str, str] | None = None
    ) -> tuple[Child, re.Match[str] | None]:
        """Returns when a line matches ``ready`` (at once when empty). Raises RuntimeError when it ends before."""
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=env or environment(),
            cwd=ROOT,
            start_new_session=True,
        )
        child = cls(process)
        found = None
        try:
            async with asyncio.timeout(limit):
                while ready and found is None:
                    line = await child._line()
                    if not line:
                        await process.wait()
                        raise RuntimeError(f"{command[0]} ended with {process.returncode}:\n" + "\n".join(child.said))
                    found = re.search(ready, line)
        except BaseException:
            await child.end()
            raise
        child._reading = asyncio.create_task(child._read())
        return child, found

    async def _line(self) -> str:
        assert self.process.stdout is not None
        line = (await self.process.stdout.readline()).decode("utf-8", "replace")
        if line:
            self.said.append(line.rstrip("\n"))
        return line

    async def _read(self) -> None:
        while await self._line():
            pass

    @property
    def alive(self) -> bool:
        return self.process.returncode is None

    def signal(self, number: signal.Signals) -> None:
        if self.alive:
            self.process.send_signal(number)

    async def wait(self, limit: float = 30.0) -> int:
        """The exit code; raises TimeoutError."""
        async with asyncio.timeout(limit):
            code = await self.process.wait()
            if self._reading is not None:
                await asyncio.wait([self._reading], timeout=1)
            return code

    async def end(self) -> None:
        """SIGKILL, and gone."""
        self.signal(signal.SIGKILL)
        await self.wait()
        if self._reading is not None:
            self._reading.cancel()
