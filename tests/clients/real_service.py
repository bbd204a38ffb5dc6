"""The real service in a process of its own, with a key; can be killed and started again on the same data."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

ROOT = Path(__file__).resolve().parents[2]
ORICODE = str(Path(sys.executable).parent / "oricode")
_ADDRESS = re.compile(rb"address +(http://\S+)")
_KEY = re.compile(rb"key +(\S+) +\(shown once")


class RealService:
    """``oricode serve`` on a free port while entered."""

    def __init__(self, folder: Path, *, sabotage: str | None = None, **settings: str) -> None:
        """``sabotage``: a safeguard to take away (``bench.faults.sabotage``), for controls."""
        self._folder = folder
        self._program = [ORICODE] if sabotage is None else [sys.executable, "-m", "bench.faults.sabotage", sabotage]
        self._settings = settings
        self._process: asyncio.subprocess.Process | None = None
        self._draining: asyncio.Task[None] | None = None
        self.url = ""
        self.key = ""
        self.said = bytearray()
        """All it wrote to stdout and stderr, behind what it says when it has started."""

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.kill()

    async def start(self) -> None:
        """Returns when it listens; a second start uses the first one's port and key."""
        port = self.url.rpartition(":")[2] or "0"
        env = {name: value for name, value in os.environ.items() if not name.startswith(("ORICODE_", "ANTHROPIC_"))}
        env |= {"ORICODE_MODEL": "demo", "ORICODE_RATE_LIMIT": "off", **self._settings}
        self._process = await asyncio.create_subprocess_exec(
            *self._program, "serve", "--port", port, "--data-dir", str(self._folder),
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, env=env, cwd=ROOT,
        )  # fmt: skip
        assert self._process.stdout is not None
        said = b""
        async with asyncio.timeout(60):
            while b"Try it" not in said:
                line = await self._process.stdout.readline()
                assert line, f"the service ended: {said.decode()}"
                said += line
        address, key = _ADDRESS.search(said), _KEY.search(said)
        assert address, said
        self.url = address[1].decode()
        self.key = key[1].decode() if key else self.key
        self._draining = asyncio.create_task(_drain(self._process.stdout, self.said))

    def log_lines(self) -> list[dict[str, Any]]:
        """The log so far, of a service that logs JSON; without the banner, which may show the first key."""
        return [json.loads(line) for line in bytes(self.said).decode().splitlines() if line.startswith("{")]

    async def kill(self) -> None:
        """As the kernel would: no good-byes."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> None:
        """As an operator would."""
        await self._end(signal.SIGTERM)

    async def _end(self, how: signal.Signals) -> None:
        assert self._process is not None
        assert self._draining is not None
        if self._process.returncode is None:
            self._process.send_signal(how)
        async with asyncio.timeout(30):
            await self._process.wait()
        async with asyncio.timeout(30):
            await self._draining  # to the end of what it said


async def _drain(stream: asyncio.StreamReader, said: bytearray) -> None:
    """A full pipe would stop the service."""
    while data := await stream.read(65536):
        said += data
