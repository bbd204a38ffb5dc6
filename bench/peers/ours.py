"""Our service as a peer, its durable log on: over SSE, over WebSocket, and on PostgreSQL."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from .process import PEER_CORE, ROOT, Peer, free_port, process


@contextlib.contextmanager
def oricode(
    upstream: str, heartbeat: float, scratch: Path, *, model: str = "claude-bench", database_url: str = ""
) -> Iterator[Peer]:
    """In SQLite, unless there is a ``database_url``."""
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
    with process(command, port, PEER_CORE, health="/healthz", ready="/readyz", **environment) as running:
        keys = [command[0], "keys", "create", "--user", "bench", "--data-dir", str(data)]
        where = ["--database-url", database_url] if database_url else []
        key = subprocess.run([*keys, *where], check=True, capture_output=True, text=True).stdout.strip()
        yield Peer("oricode", running, port, "/api/chat", {"X-API-Key": key})


@contextlib.contextmanager
def oricode_websocket(upstream: str, heartbeat: float, scratch: Path) -> Iterator[Peer]:
    """The same, watched over WebSocket."""
    with oricode(upstream, heartbeat, scratch) as peer:
        chat = {"command": "chat", "ref": "1", "data": {"prompt": "x"}}
        yield replace(peer, name="oricode-ws", path="/api/ws", command=chat)


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
