"""A TCP proxy that breaks connections: at random byte positions, by FIN or RST, in either direction; chops; stalls.

In: where to connect, a random generator, how bad it shall be. Out: a port, and counters. What it does to one
connection is drawn when the connection is made, so a seed gives the same sequence of faults.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
from collections import Counter
from dataclasses import dataclass


@dataclass(frozen=True)
class Fate:
    """What becomes of one connection. Positions count bytes of one direction; None = never."""

    cut_down: int | None = None
    cut_up: int | None = None
    reset: bool = False
    chop: bool = False
    stall: float = 0.0
    """Seconds of silence, connection open, before the cut."""


class FaultProxy:
    """``async with FaultProxy(port, rng) as proxy``: listens on 127.0.0.1, any free port."""

    def __init__(self, target: int, rng: random.Random, mean_bytes: float = 5000.0) -> None:
        self.target = target
        self.enabled = True
        self.done: Counter[str] = Counter()
        """Faults that happened: cuts, resets, chopped, stalls."""
        self._rng = rng
        self._mean_bytes = mean_bytes
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> FaultProxy:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def port(self) -> int:
        assert self._server is not None
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    @property
    def cuts(self) -> int:
        return self.done["cut"] + self.done["reset"]

    def fate(self) -> Fate:
        """Draw one."""
        rng = self._rng
        if not self.enabled:
            return Fate()
        kind = rng.random()
        position = 1 + int(rng.expovariate(1 / self._mean_bytes))
        if kind < 0.06:
            return Fate(cut_up=rng.randint(1, 700), reset=rng.random() < 0.5)
        if kind < 0.12:
            return Fate(cut_down=position, stall=rng.uniform(1, 5))
        return Fate(cut_down=position, reset=rng.random() < 0.5, chop=rng.random() < 0.15)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        with contextlib.suppress(asyncio.CancelledError):  # only our own end cancels; the streams would log it
            await self._carry(reader, writer, self.fate())

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, fate: Fate) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.transport.abort()
            return
        up = asyncio.create_task(self._pump(reader, far_writer, fate.cut_up, fate))
        down = asyncio.create_task(self._pump(far_reader, writer, fate.cut_down, fate))
        try:
            await asyncio.wait({up, down}, return_when=asyncio.FIRST_COMPLETED)
            if not down.done() and not up.result():
                await asyncio.wait({down}, timeout=0.5)  # the client closed its half: let the answer finish
        finally:
            for pump in (up, down):
                pump.cancel()
            await asyncio.gather(up, down, return_exceptions=True)
            cut = any(p.done() and not p.cancelled() and not p.exception() and p.result() for p in (up, down))
            if cut:
                self.done["reset" if fate.reset else "cut"] += 1
            for side in (writer, far_writer):
                _end(side, reset=cut and fate.reset)

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, cut: int | None, fate: Fate
    ) -> bool:
        """Copy until the end; True when we cut."""
        left = cut
        with contextlib.suppress(ConnectionError, TimeoutError):
            while data := await reader.read(65536):
                part = data if left is None else data[:left]
                if fate.chop and cut is not None:
                    self.done["chopped"] += 1
                    for at in range(0, len(part), 7):
                        writer.write(part[at : at + 7])
                        await asyncio.sleep(0)
                else:
                    writer.write(part)
                await writer.drain()
                if left is not None:
                    left -= len(part)
                    if left <= 0:
                        if fate.stall:
                            self.done["stall"] += 1
                            await asyncio.sleep(fate.stall)
                        return True
        return False


def _end(writer: asyncio.StreamWriter, reset: bool) -> None:
    if reset:
        with contextlib.suppress(OSError):
            linger = struct.pack("ii", 1, 0)  # closing sends RST
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        writer.transport.abort()
    else:
        writer.close()
