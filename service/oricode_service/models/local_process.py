"""A child process that serves HTTP and says so: started, awaited, watched, ended.

In: a command. Out: the address the child prints in its first line (``ready URL``). The child lives as long as its
standard input is open, so it dies with the service even when that is killed. Knows nothing of models.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Sequence

_SECRET_PREFIXES = ("ANTHROPIC_", "ORICODE_", "DATABASE_")
_GRACE_SECONDS = 2.0
"""From closing the child's input to killing it."""


class ChildFailed(Exception):
    """The child did not come up; the text says why, in a few words."""


class ChildProcess:
    """One start of the command. Not restartable: make another."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def start(cls, command: Sequence[str], within: float) -> tuple[ChildProcess, str]:
        """Start it and wait up to ``within`` seconds for its address. Raises :class:`ChildFailed`, leaving nothing."""
        environment = {k: v for k, v in os.environ.items() if not k.startswith(_SECRET_PREFIXES)}
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                env=environment,
            )
        except OSError as error:
            raise ChildFailed(f"it cannot be started ({error.strerror})") from None
        child = cls(process)
        try:
            async with asyncio.timeout(within):
                return child, await child._address()
        except TimeoutError:
            await child.stop()
            raise ChildFailed(f"it was not ready within {within:g} s") from None
        except BaseException:
            await child.stop()
            raise

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.returncode is None

    async def stop(self) -> None:
        """End it: politely, then by force. May be called again, and of a dead child."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            async with asyncio.timeout(_GRACE_SECONDS):
                await self._process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()

    async def wait(self) -> int:
        """Its exit code, when it has ended."""
        return await self._process.wait()

    async def _address(self) -> str:
        assert self._process.stdout is not None
        line = (await self._process.stdout.readline()).decode(errors="replace").strip()
        word, _, rest = line.partition(" ")
        if word == "ready":
            return rest
        if word == "failed":
            raise ChildFailed(rest)
        raise ChildFailed(f"it ended at once with code {await self._process.wait()}")
