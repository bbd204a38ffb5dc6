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
from contextlib import contextmanager
from logging import getLogger
from typing import Any, TypeVar

import uvicorn
from uvicorn._types import ASGIApplication
from uvicorn.loops.auto import auto_loop_factory

from .http import HttpProtocol
from .limits import Limits
from .sockets import BACKLOG
from .state import State
from .websocket import WebSocketProtocol

logger = getLogger(__name__)
_Result = TypeVar("_Result")
SIGNALS = (signal.SIGTERM, signal.SIGINT)


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
        and ``peer`` for broken frames."""
        return dict(self._state.census.cuts)

    async def serve(
        self,
        app: ASGIApplication,
        sockets: list[socket.socket],
        on_drain: Callable[[], Awaitable[None]] = _nothing,
        *,
        on_started: Callable[[], None] = lambda: None,
    ) -> None:
        """Serve until SIGTERM, SIGINT or :meth:`stop`.

        ``on_drain`` runs when nobody new can connect and everybody connected still is; it has ``drain_seconds``, and
        should have streams end by themselves. Signals are handled in the main thread only. What ``on_drain`` raises is
        raised, after all connections were closed.
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
            self._uvicorn.should_exit = True

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
                signal.signal(number, handler)


class _Uvicorn(uvicorn.Server):
    """uvicorn's server, with our state, no signal handling, and something to do before it closes connections."""

    def __init__(
        self,
        config: uvicorn.Config,
        state: State,
        on_drain: Callable[[], Awaitable[None]],
        on_started: Callable[[], None],
    ) -> None:
        super().__init__(config)
        self.server_state = self._state = state
        self._on_drain = on_drain
        self._on_started = on_started
        self.should_exit = state.draining

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """The base class's call: signals are handled by :class:`Server`."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """The base class's call."""
        await super().startup(sockets)
        self._on_started()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """The base class's call: told to stop."""
        self._state.draining = True
        for server in self.servers:
            server.close()
        try:
            async with asyncio.timeout(self._state.limits.drain_seconds):
                await self._on_drain()
        except TimeoutError:
            seconds = self._state.limits.drain_seconds
            logger.warning("draining took longer than %g s; connections are closed now", seconds)
        finally:
            await super().shutdown(sockets)
            self._cut_rest()

    def _cut_rest(self) -> None:
        rest = list(self._state.connections)
        if rest:
            logger.warning("%d connections did not end in time and were cut", len(rest))
        for protocol in rest:
            assert isinstance(protocol, (HttpProtocol, WebSocketProtocol))
            protocol.connection.abort("restarting")


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
        timeout_graceful_shutdown=limits.grace_seconds,  # type: ignore[arg-type]  # seconds, passed to wait_for
        workers=1,
    )


def run(main: Coroutine[Any, Any, _Result]) -> _Result:
    """``asyncio.run`` on uvloop where it is installed."""
    with asyncio.Runner(loop_factory=auto_loop_factory()) as runner:
        return runner.run(main)
