"""Runs uvicorn's server on our sockets: start, signals, drain, end.

In: an ASGI application, listening sockets, limits, and what to do before connections are closed. Out: returns when all
connections have ended. The order of an end: readiness (``draining``), the listening sockets, ``on_drain``, the
connections, what remains of them. A second signal kills the process as if nobody handled it: even when it hangs.
"""

from __future__ import annotations

import asyncio
import signal
import socket
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from logging import getLogger
from typing import Any, TypeVar

import uvicorn
from uvicorn._types import ASGIApplication
from uvicorn.loops.auto import auto_loop_factory

from .connection import Connection
from .http import HttpProtocol
from .limits import Limits
from .sockets import BACKLOG
from .state import State
from .websocket import WebSocketProtocol

logger = getLogger(__name__)
_Result = TypeVar("_Result")
SIGNALS = (signal.SIGTERM, signal.SIGINT)
_POLL = 0.01
_LAST_SECONDS = 1.0
"""For applications to take notice that their connections were cut; then they are cancelled."""


OnDrain = Callable[[], Awaitable[float | None]]


async def _nothing() -> None:
    """What there is to do by default before connections are closed."""


class Server:
    """One server; ``serve`` once."""

    def __init__(self, limits: Limits) -> None:
        self._state = State(limits)
        self._limits = limits
        self._uvicorn: _Uvicorn | None = None

    @property
    def draining(self) -> bool:
        """Whether it was told to stop: readiness must be refused from then on."""
        return self._state.draining

    @property
    def open_connections(self) -> int:
        """Connections of every kind, those for health checks left out."""
        return self._state.census.open

    @property
    def cuts(self) -> dict[str, int]:
        """Connections refused or dropped so far, by reason: codes of the error table, ``aborted``, ``pong_timeout``,
        ``too_many_fragments``, and ``peer`` for broken frames."""
        return dict(self._state.census.cuts)

    async def serve(
        self,
        app: ASGIApplication,
        sockets: list[socket.socket],
        on_drain: OnDrain = _nothing,
        *,
        on_started: Callable[[], None] = lambda: None,
    ) -> None:
        """Serve until SIGTERM, SIGINT or :meth:`stop`.

        ``on_drain`` runs when nobody new can connect and everybody connected still is; it has ``drain_seconds``, and
        should have streams end by themselves. What does not end is cut after ``grace_seconds``; an answer that asked to
        stay, after the seconds that ``on_drain`` returns. Signals are handled in the main thread only. What
        ``on_drain`` raises is raised, after all connections were closed.
        """
        self._uvicorn = _Uvicorn(_config(app, self._limits), self._state, on_drain, on_started)
        self._state.wheel.start()
        try:
            with self._signals():
                await self._uvicorn.serve(sockets)
        finally:
            self._state.wheel.stop()

    def stop(self) -> None:
        """What the first signal does."""
        self._state.draining = True
        if self._uvicorn is not None:
            self._uvicorn.stop()

    @contextmanager
    def _signals(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        loop = asyncio.get_running_loop()
        before = {number: signal.getsignal(number) for number in SIGNALS}

        def first() -> None:
            for number in SIGNALS:
                loop.remove_signal_handler(number)
                signal.signal(number, signal.SIG_DFL)
            self.stop()

        for number in SIGNALS:
            loop.add_signal_handler(number, first)
        try:
            yield
        finally:
            for number, handler in before.items():
                loop.remove_signal_handler(number)
                signal.signal(number, handler or signal.SIG_DFL)  # None = not one of Python's


class _Uvicorn(uvicorn.Server):
    """uvicorn's server, with our state, no signal handling, and something to do before it closes connections."""

    def __init__(
        self,
        config: uvicorn.Config,
        state: State,
        on_drain: OnDrain,
        on_started: Callable[[], None],
    ) -> None:
        super().__init__(config)
        self.server_state = self._state = state
        self._on_drain = on_drain
        self._on_started = on_started
        self._stopping = asyncio.Event()
        if state.draining:
            self.stop()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """The base class's call: signals are handled by :class:`Server`."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """The base class's call."""
        await super().startup(sockets)
        self._on_started()

    def stop(self) -> None:
        """Leave the main loop."""
        self.should_exit = True
        self._stopping.set()

    async def main_loop(self) -> None:
        """The base class's call: until told to stop, keeps the Date header true. (At once, where it would poll.)"""
        while not await self.on_tick(0):
            with suppress(TimeoutError):
                async with asyncio.timeout(1):
                    await self._stopping.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """The base class's call: told to stop."""
        limits = self._state.limits
        self._state.draining = True
        for server in self.servers:
            server.close()
        for listener in sockets or ():
            listener.close()
        await self._settle()
        grace = None
        try:
            async with asyncio.timeout(limits.drain_seconds):
                grace = await self._on_drain()
        except TimeoutError:
            logger.warning("draining took longer than %g s; connections are closed now", limits.drain_seconds)
        finally:
            await self._close(limits.grace_seconds if grace is None else grace)

    async def _settle(self) -> None:
        """Let those who connected just before get their request in: for them the service is not closed yet."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._state.limits.settle_seconds):
                while any(isinstance(one, HttpProtocol) and one.arriving for one in self._state.connections):  # noqa: ASYNC110
                    await asyncio.sleep(_POLL)

    async def _close(self, stay: float) -> None:
        """Ask all connections to end, and cut those that do not: at first those that have no reason to stay."""
        state = self._state
        first = min(stay, state.limits.grace_seconds)
        for protocol in list(state.connections):
            protocol.shutdown()
        if not await self._until(first, lambda: not (state.connections or state.tasks)):
            self._cut(lambda connection: not connection.stays)
            if not await self._until(stay - first, lambda: not state.connections):
                self._cut(lambda connection: True)
            if state.tasks:
                _, stuck = await asyncio.wait(state.tasks, timeout=_LAST_SECONDS)
                for task in stuck:
                    task.cancel()

    async def _until(self, seconds: float, done: Callable[[], bool]) -> bool:
        """Whether it was, in time."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not done():  # noqa: ASYNC110 - uvicorn's own sets tell nobody when they change
                    await asyncio.sleep(_POLL)
        return done()

    def _cut(self, which: Callable[[Connection], bool]) -> None:
        cut = 0
        for protocol in list(self._state.connections):
            assert isinstance(protocol, (HttpProtocol, WebSocketProtocol))
            if which(protocol.connection):
                protocol.connection.abort("restarting")
                cut += 1
        if cut:
            logger.warning("%d connections did not end in time and were cut", cut)


def _config(app: ASGIApplication, limits: Limits) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        loop="none",
        http=HttpProtocol,
        ws=WebSocketProtocol,
        ws_max_size=limits.message_bytes,
        ws_ping_interval=None,  # pings, and both keep-alive and size limits, are those of our protocols
        ws_per_message_deflate=False,
        lifespan="off",
        interface="asgi3",
        log_config=None,
        log_level="warning",  # below it uvicorn logs the target of every WebSocket, with its query
        access_log=False,
        proxy_headers=bool(limits.trusted_proxies),
        forwarded_allow_ips="*" if "*" in limits.trusted_proxies else list(limits.trusted_proxies),
        server_header=False,
        date_header=True,
        backlog=BACKLOG,
        workers=1,
    )


def run(main: Coroutine[Any, Any, _Result]) -> _Result:
    """``asyncio.run`` on uvloop where it is installed."""
    with asyncio.Runner(loop_factory=auto_loop_factory()) as runner:
        return runner.run(main)
