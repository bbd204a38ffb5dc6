"""Starting peers: the command, the request that makes it stream, and its CPU time and memory from /proc."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
PAGE = os.sysconf("SC_PAGE_SIZE")
PEER_CORE, OTHER_CORE = "0", "1"


def free_port() -> int:
    """A port nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Peer:
    """A running peer."""

    name: str
    process: subprocess.Popen[bytes]
    port: int
    path: str
    headers: dict[str, str]
    body: dict[str, Any] = field(default_factory=lambda: {"prompt": "x", "stream": True})
    beside: tuple[int, ...] = ()
    """Processes that work for it alone, such as its database server: their CPU time counts too."""

    def cpu(self) -> float:
        """CPU seconds of the process and its children so far, by the scheduler's own count (nanoseconds)."""
        total = 0
        for pid in [member for root in (self.process.pid, *self.beside) for member in _family(root)]:
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                for task in Path(f"/proc/{pid}/task").iterdir():
                    total += int((task / "schedstat").read_text().split()[0])
        return total / 1e9

    def rss(self) -> int:
        """Resident bytes of the process and its children."""
        total = 0
        for pid in _family(self.process.pid):
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                total += int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE
        return total

    def spec(self, streams: int, deltas: int, **more: Any) -> dict[str, Any]:
        """What the load generator needs."""
        where = {"host": "127.0.0.1", "port": self.port, "path": self.path, "headers": self.headers}
        return {**where, "body": self.body, "streams": streams, "deltas": deltas, **more}


def _family(pid: int) -> list[int]:
    children: list[str] = []
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(grand for child in children for grand in _family(int(child)))]


def _await_port(port: int, process: subprocess.Popen[bytes]) -> None:
    limit = time.monotonic() + 60
    while time.monotonic() < limit:
        if process.poll() is not None:
            raise RuntimeError(f"{process.args!r} ended with {process.returncode}")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2):
            return
        time.sleep(0.05)
    raise TimeoutError(f"nobody listens on {port}")


@contextlib.contextmanager
def process(command: list[str], port: int, core: str, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """A pinned process that listens on ``port`` while the block runs."""
    started = subprocess.Popen(
        ["taskset", "-c", core, *command],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _await_port(port, started)
        yield started
    finally:
        started.kill()
        started.wait()


@contextlib.contextmanager
def oricode(
    upstream: str, heartbeat: float, scratch: Path, *, model: str = "claude-bench", database_url: str = ""
) -> Iterator[Peer]:
    """Our service, its durable log on; in SQLite, unless there is a ``database_url``."""
    port = free_port()
    data = scratch / f"oricode-{port}"
    command = [str(ROOT / ".venv/bin/oricode"), "serve", "--port", str(port), "--data-dir", str(data), "--model", model]
    environment = {
        "ORICODE_DATABASE_URL": database_url,
        "ANTHROPIC_BASE_URL": upstream,
        "ANTHROPIC_API_KEY": "bench",
        "ORICODE_HEARTBEAT_SECONDS": str(heartbeat),
        "ORICODE_RATE_LIMIT": "off",
        "ORICODE_MAX_CONCURRENT_RUNS": "0",
        "ORICODE_MAX_CONNECTIONS_PER_KEY": "0",
        "ORICODE_MAX_CONNECTIONS_PER_ADDRESS": "0",
    }
    with process(command, port, PEER_CORE, **environment) as started:
        keys = [command[0], "keys", "create", "--user", "bench", "--data-dir", str(data)]
        where = ["--database-url", database_url] if database_url else []
        key = subprocess.run([*keys, *where], check=True, capture_output=True, text=True).stdout.strip()
        yield Peer("oricode", started, port, "/api/chat", {"X-API-Key": key})


@contextlib.contextmanager
def oricode_postgres(upstream: str, heartbeat: float, scratch: Path) -> Iterator[Peer]:
    """The same service on a private PostgreSQL on the same core, whose CPU time counts too."""
    script = ["taskset", "-c", PEER_CORE, str(ROOT / "scripts/postgres.sh")]
    scratch.chmod(0o755)  # the server runs as a user of its own
    folder = scratch / "postgres"
    url = subprocess.run([*script, "start", str(folder)], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
    try:
        postmaster = int((folder / "data" / "postmaster.pid").read_text().split()[0])
        with oricode(upstream, heartbeat, scratch, database_url=url) as peer:
            yield replace(peer, name="oricode-postgres", beside=(postmaster,))
    finally:
        subprocess.run([*script, "stop", str(folder), "immediate"], check=True)


@contextlib.contextmanager
def express(upstream: str, heartbeat: float, scratch: Path) -> Iterator[Peer]:
    """Express with messages.stream."""
    port = free_port()
    command = ["node", str(HERE / "express" / "server.mjs"), str(port), upstream, str(heartbeat)]
    with process(command, port, PEER_CORE) as started:
        yield Peer("express", started, port, "/api/chat", {})


@contextlib.contextmanager
def sse_starlette(upstream: str, heartbeat: float, scratch: Path) -> Iterator[Peer]:
    """sse-starlette with messages.stream."""
    port = free_port()
    command = [sys.executable, "-m", "bench.peers.obvious_python", str(port), upstream, str(heartbeat)]
    with process(command, port, PEER_CORE) as started:
        yield Peer("sse-starlette", started, port, "/api/chat", {})


@contextlib.contextmanager
def nginx(upstream: str, heartbeat: float, scratch: Path) -> Iterator[Peer]:
    """nginx as plain proxy: the limit."""
    port = free_port()
    config = scratch / f"proxy-{port}.conf"
    config.write_text(
        f"daemon off; worker_processes 1; pid {scratch}/proxy-{port}.pid; error_log /dev/null;"
        "events { worker_connections 8192; }"
        f"http {{ access_log off; server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass {upstream};"
        " proxy_http_version 1.1; proxy_buffering off; proxy_read_timeout 600; } } }"
    )
    with process(["nginx", "-p", str(scratch), "-c", str(config)], port, PEER_CORE) as started:
        yield Peer("nginx", started, port, "/v1/messages", {})


PEERS = {
    "oricode": oricode,
    "oricode-postgres": oricode_postgres,
    "express": express,
    "sse-starlette": sse_starlette,
    "nginx": nginx,
}


@contextlib.contextmanager
def burst_upstream(recording: bytes, scratch: Path) -> Iterator[str]:
    """nginx serving a recorded stream for every POST; on the other core."""
    port = free_port()
    scratch.chmod(0o755)  # nginx's worker is another user
    (scratch / "recorded").mkdir(exist_ok=True)
    (scratch / "recorded" / "messages").write_bytes(recording)
    config = scratch / "recorded.conf"
    config.write_text(
        f"daemon off; worker_processes 1; pid {scratch}/recorded.pid; error_log /dev/null;"
        "events { worker_connections 8192; }"
        f"http {{ access_log off; server {{ listen 127.0.0.1:{port}; root {scratch}/recorded; location / {{"
        " default_type text/event-stream; error_page 405 =200 /messages; try_files /messages =404; } } }"
    )
    with process(["nginx", "-p", str(scratch), "-c", str(config)], port, OTHER_CORE):
        yield f"http://127.0.0.1:{port}"


@contextlib.contextmanager
def paced_upstream(deltas: int, period: float) -> Iterator[str]:
    """The paced emitter; on the other core."""
    port = free_port()
    command = [sys.executable, "-m", "bench.upstreams.paced", str(port), str(deltas), str(period)]
    with process(command, port, OTHER_CORE):
        yield f"http://127.0.0.1:{port}"
