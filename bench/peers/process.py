"""A peer as a process: started pinned to a core, awaited, looked at through /proc, killed."""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from ..machine import cpu_of, rss_of

ROOT = Path(__file__).parent.parent.parent
PEER_CORE, OTHER_CORE = "0", "1"
_LOOK_AGAIN = 0.01


def free_port() -> int:
    """A port nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Running(NamedTuple):
    """A process that answers."""

    process: subprocess.Popen[bytes]
    seconds: float
    """From its start to its first answer."""
    ready_seconds: float
    """From its start until it says that requests need not wait for anything; the same where it makes no difference."""


@dataclass
class Peer:
    """A running peer, and the request that makes it stream."""

    name: str
    running: Running
    port: int
    path: str
    headers: dict[str, str] = field(default_factory=dict)
    body: dict[str, Any] | None = field(default_factory=lambda: {"prompt": "x", "stream": True})
    """None: a GET."""
    command: dict[str, Any] | None = None
    """The WebSocket command that is sent instead of the body; None over HTTP."""
    beside: tuple[int, ...] = ()
    """Processes that work for it alone, such as its database server: their CPU time counts too."""

    def cpu(self) -> float:
        """CPU seconds of the process and its children so far, by the scheduler's own count (nanoseconds)."""
        return cpu_of(self.running.process.pid, *self.beside)

    def rss(self) -> int:
        """Resident bytes of the process and its children."""
        return rss_of(self.running.process.pid)

    def spec(self, streams: int, deltas: int, **more: Any) -> dict[str, Any]:
        """What the load generator needs."""
        where = {"host": "127.0.0.1", "port": self.port, "path": self.path, "headers": self.headers}
        what = {"body": self.body} if self.command is None else {"command": self.command}
        return {**where, **what, "streams": streams, "deltas": deltas, **more}


@contextlib.contextmanager
def process(
    command: list[str], port: int, core: str, *, health: str = "", ready: str = "", wait: float = 60, **environment: str
) -> Iterator[Running]:
    """A pinned process that listens on ``port``, and answers 200 for ``health`` and ``ready``, while the block runs.

    Raises TimeoutError after ``wait`` seconds, RuntimeError when the process ends before.
    """
    begun = time.monotonic()
    started = subprocess.Popen(
        ["taskset", "-c", core, *command],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        seconds = []
        for path in (health, ready or health):
            while not _answers(port, path):
                if started.poll() is not None:
                    raise RuntimeError(f"{started.args!r} ended with {started.returncode}")
                if time.monotonic() > begun + wait:
                    raise TimeoutError(f"nobody answers on {port}")
                time.sleep(_LOOK_AGAIN)
            seconds.append(time.monotonic() - begun)
        yield Running(started, *seconds)
    finally:
        started.kill()
        started.wait()


def _answers(port: int, health: str) -> bool:
    """Whether somebody listens, and says 200 for ``health`` when it is given."""
    with contextlib.suppress(OSError, http.client.HTTPException):
        if not health:
            socket.create_connection(("127.0.0.1", port), 0.2).close()
            return True
        asking = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
        with contextlib.closing(asking):
            asking.request("GET", health)
            return asking.getresponse().status == 200
    return False
