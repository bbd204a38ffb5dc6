"""What is restarted: one service on SQLite that hands over by SIGUSR2, or instances on PostgreSQL that take turns.

In: a folder and where the provider is. Out: one address for all clients, and ``restart``, which returns when the next
process serves.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from bench.chaos.cluster import Cluster, cluster
from bench.faults.forked import Zygote
from bench.faults.service import Service

START_LIMIT = 60.0
STAY = "200"
"""Seconds that an instance may take to end: as long as the longest JSON answer."""


SETTINGS: dict[str, Any] = {"ORICODE_HEARTBEAT_SECONDS": "5"}


class OneMachine:
    """SQLite; the process changes, the socket stays."""

    def __init__(self, service: Service, plain: bool) -> None:
        self._service = service
        self._plain = plain
        self.port = service.port
        self.key = service.key
        self.pids = [self._owner()]

    def _owner(self) -> int:
        words = (self._service.folder / "oricode.lock").read_text().split()
        return int(words[1]) if len(words) == 2 else 0

    async def restart(self) -> None:
        if self._plain:
            await self._service.drain()
            await self._service.start(limit=START_LIMIT)
            self.pids.append(self._owner())
            return
        os.kill(self.pids[-1], signal.SIGUSR2)
        async with asyncio.timeout(START_LIMIT):
            while (now := self._owner()) in (self.pids[-1], 0):
                await asyncio.sleep(0.01)
        self.pids.append(now)

    def alive(self) -> list[int]:
        """Processes that still run."""
        return [pid for pid in self.pids if Path(f"/proc/{pid}/cmdline").exists() and _command(pid)]

    async def end(self) -> None:
        for pid in self.alive():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        await self._service.running.wait()  # and for the end of the output that all of them share


def _command(pid: int) -> bytes:
    """Empty for a zombie."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


class Several:
    """PostgreSQL behind nginx; a new process comes for the one that leaves."""

    def __init__(self, made: Cluster) -> None:
        self._cluster = made
        self._next = 0
        self._leaving: set[asyncio.Task[int]] = set()
        self.port = made.nginx
        self.key = made.key

    async def restart(self) -> None:
        """The former process goes on answering old clients while the next one serves on the same port."""
        service = self._cluster.instances[self._next % len(self._cluster.instances)].service
        self._next += 1
        former = service.running
        former.signal(signal.SIGTERM)
        leaving = asyncio.create_task(former.wait(float(STAY) + 10))
        self._leaving.add(leaving)
        await _free(service.port)
        await service.start(limit=START_LIMIT)

    async def end(self) -> None:
        codes = await asyncio.gather(*self._leaving)
        assert set(codes) <= {0}, codes


async def _free(port: int) -> None:
    async with asyncio.timeout(START_LIMIT):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except ConnectionRefusedError:
                return
            writer.transport.abort()
            await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def machine(
    folder: Path, provider: str, counter: str, instances: int, plain: bool = False
) -> AsyncIterator[OneMachine | Several]:
    """Started and ready. One instance: SQLite; ``plain``: without the handover."""
    async with contextlib.AsyncExitStack() as stack:
        if instances > 1:
            zygote = await stack.enter_async_context(Zygote())
            made = await stack.enter_async_context(
                cluster(folder, provider, counter, zygote, instances, ORICODE_GRACE_SECONDS=STAY, **SETTINGS)
            )
            several = Several(made)
            yield several
            await several.end()
        else:
            service = Service(folder / "data", provider=provider, counter=counter, **SETTINGS)
            stack.push_async_callback(service.end)
            await service.start(limit=START_LIMIT)
            one = OneMachine(service, plain)
            stack.push_async_callback(one.end)
            yield one
            began = time.monotonic()
            while len(one.alive()) > 1 and time.monotonic() - began < START_LIMIT:
                await asyncio.sleep(0.1)
            assert len(one.alive()) == 1, "processes stayed although nobody waits at them any more"
