"""Fixtures of the server layer's tests: each runs on asyncio's loop and on uvloop, on a free port of loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
import uvloop
from oricode_service.transports.server import Limits, Server, listen
from oricode_service.transports.server.connection import Connection
from server.apps import App
from server.peers import HELLO, Peer

TIGHT: dict[str, Any] = {"tick_seconds": 0.02, "drain_seconds": 2, "grace_seconds": 2, "linger_seconds": 0.5}
"""Deadlines are looked at often, and ends are quick; the bounds under test are set by each test."""


class Running:
    """A server that runs: its application, itself, and where it listens."""

    def __init__(self, app: App, server: Server, address: tuple[str, int]) -> None:
        self.app = app
        self.server = server
        self.address = address
        self.peers: list[Peer] = []
        """Those that nobody else holds; a connection without a holder would be closed."""

    async def stream(self, path: str, *, rcvbuf: int | None = 4096) -> Peer:
        """A peer that asked for ``path`` and reads nothing by itself, nor does its kernel read much ahead."""
        peer = await Peer.connect(self.address, rcvbuf=rcvbuf, limit=2048)
        self.peers.append(peer)
        await peer.send(HELLO % path.encode())
        return peer

    async def socket(self, path: str, *, rcvbuf: int | None = 4096) -> Peer:
        """The same over WebSocket."""
        peer = await Peer.connect(self.address, rcvbuf=rcvbuf, limit=2048)
        self.peers.append(peer)
        assert b" 101 " in await peer.upgrade(path)
        return peer

    @property
    def connections(self) -> list[Connection]:
        """The server's open connections."""
        return [protocol.connection for protocol in self.server._state.connections]

    async def until_cut(self, reason: str, count: int = 1, seconds: float = 10) -> None:
        """Wait until ``count`` connections were dropped for ``reason``."""
        await self.until(lambda: self.server.cuts.get(reason, 0) >= count, seconds)

    async def until(self, true: Callable[[], bool], seconds: float = 10) -> None:
        """Wait for a fact that nothing announces."""
        async with asyncio.timeout(seconds):
            while not true():
                await asyncio.sleep(0.005)


Serve = Callable[..., Any]


@asynccontextmanager
async def running(
    app: App, on_drain: Any = None, user_timeout: float = 30, host: str = "127.0.0.1", **limits: Any
) -> AsyncIterator[Running]:
    """A server with these limits; stopped at the end."""
    server = Server(Limits(**{**TIGHT, **limits}))
    sockets = listen(host, 0, user_timeout=user_timeout)
    address = sockets[0].getsockname()
    started = asyncio.Event()
    more = {} if on_drain is None else {"on_drain": on_drain}
    task = asyncio.create_task(server.serve(app, sockets, on_started=started.set, **more))
    try:
        async with asyncio.timeout(10):
            await started.wait()
        run = Running(app, server, address)
        yield run
        for peer in run.peers:
            peer.vanish()
    finally:
        server.stop()
        async with asyncio.timeout(20):
            await task


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Starts servers: ``await serve(**limits)``."""
    async with AsyncExitStack() as stack:

        async def start(**limits: Any) -> Running:
            return await stack.enter_async_context(running(App(), **limits))

        yield start
