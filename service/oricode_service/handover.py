"""Restart without a gap on one machine: a running service starts the next one and hands it its listening sockets.

In: SIGUSR2 to the running service. The next process is started by the same command, reads its settings and imports what
takes long, and says that it is ready; a mistake in its settings costs nothing, because the former one goes on. Then the
former one drains, gives the store up, and says so: the next one goes on with the runs and accepts what has queued on
the sockets meanwhile. Nobody is refused. Both speak over a socket pair: ``READY`` one way, ``YOURS`` the other.

A service manager that was told to expect it (systemd, ``Type=notify``) learns the new process's id.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
import os
import socket
import sys
from collections.abc import Callable, MutableMapping, Sequence

from .settings import Settings

VARIABLE = "ORICODE_FORMER"
"""The descriptor of the next process's end of the pair; set by the former one, not by people."""
READY, YOURS = b"r", b"y"
START_SECONDS = 120.0
"""For the next process to get ready; then it is taken to be broken."""
_MOST_SOCKETS = 16
_log = logging.getLogger(__name__)


class NotReady(Exception):
    """The next process does not come up; the former one must go on."""


class Former:
    """The process before this one, as this one sees it."""

    def __init__(self, pair: socket.socket) -> None:
        self._pair = pair
        _, descriptors, _, _ = socket.recv_fds(pair, 1, _MOST_SOCKETS)
        self.sockets = [socket.socket(fileno=descriptor) for descriptor in descriptors]
        """The listening ones: they have never been closed."""
        for listener in self.sockets:
            listener.setblocking(False)

    @classmethod
    def find(cls, environment: MutableMapping[str, str]) -> Former | None:
        """None for an ordinary start."""
        descriptor = environment.pop(VARIABLE, None)
        return cls(socket.socket(fileno=int(descriptor))) if descriptor else None

    async def gone(self, settings: Settings) -> None:
        """Say that this process is ready, and return when the store is free: given up, or its owner died."""
        if settings.mcp_config:
            importlib.import_module("oricode_service.tools.mcp.connection")
        self._pair.setblocking(False)
        loop = asyncio.get_running_loop()
        try:
            await loop.sock_sendall(self._pair, READY)
            await loop.sock_recv(self._pair, 1)
        except ConnectionError:
            pass  # it died: the store is free all the same
        finally:
            self._pair.close()


class Next:
    """The process after this one, as this one sees it."""

    def __init__(self, pair: socket.socket, process: asyncio.subprocess.Process) -> None:
        self._pair = pair
        self._process = process

    @classmethod
    async def start(cls, listening: Sequence[socket.socket]) -> Next:
        """Start it and wait until it is ready. Raises :class:`NotReady`."""
        ours, theirs = socket.socketpair()
        with theirs:
            socket.send_fds(ours, [b"s"], [listener.fileno() for listener in listening])
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "oricode_service.cli", *sys.argv[1:],
                env=os.environ | {VARIABLE: str(theirs.fileno())}, pass_fds=[theirs.fileno()],
            )  # fmt: skip
        ours.setblocking(False)
        try:
            async with asyncio.timeout(START_SECONDS):
                said = await asyncio.get_running_loop().sock_recv(ours, 1)
        except (TimeoutError, ConnectionError):
            said = b""
        if said != READY:
            ours.close()
            if process.returncode is None:
                process.kill()
            raise NotReady(f"it ended with {await process.wait()}")
        return cls(ours, process)

    def take(self) -> None:
        """Everything is free: it may go on."""
        try:
            self._pair.send(YOURS)
        except OSError as gone:
            _log.error("the next process ended while it waited: %s", gone)
        self._pair.close()


class Handover:
    """At most one at a time, begun by a signal."""

    def __init__(self, listening: Sequence[socket.socket], stop: Callable[[], None]) -> None:
        """``stop`` is called when the next process is ready: drain, and call its ``take``."""
        self.next: Next | None = None
        """Set when there is somebody to hand over to."""
        self._listening = listening
        self._stop = stop
        self._task: asyncio.Task[None] | None = None

    async def _begin(self) -> None:
        try:
            self.next = await Next.start(self._listening)
        except NotReady as why:
            _log.error("restart: the next process does not come up, so this one goes on: %s", why)
        else:
            self._stop()
        finally:
            self._task = None

    def begin(self) -> None:
        """The signal's call."""
        if os.getpid() == 1:
            _log.error("restart: not in a container, which would end with this process; start a second one")
        elif self._task is None and self.next is None:
            _log.info("restart: starting the next process")
            self._task = asyncio.create_task(self._begin())


def tell_manager(words: str) -> None:
    """Tell systemd, if it started us and listens (``sd_notify``)."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        try:
            manager.sendto(words.encode(), "\0" + address[1:] if address.startswith("@") else address)
        except OSError as error:
            _log.warning("the service manager does not listen: %s", error)
