"""What a user would pick instead: Express, sse-starlette and LiteLLM; and nginx as plain proxy, the limit."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

from .process import PEER_CORE, Peer, free_port, process

HERE = Path(__file__).parent
LITELLM = HERE / "litellm" / ".venv" / "bin" / "litellm"
"""Installed by ``make bench-full``."""
_KEY = "sk-benchmark-0123456789abcdef0123456789abcdef"
_MESSAGE = {
    "model": "claude-bench",
    "max_tokens": 8192,
    "stream": True,
    "messages": [{"role": "user", "content": "x"}],
}


@contextlib.contextmanager
def express(upstream: str, heartbeat: float, scratch: Path) -> Iterator[Peer]:
    """Express with messages.stream."""
    port = free_port()
    command = ["node", str(HERE / "express" / "server.mjs"), str(port), upstream, str(heartbeat)]
    with process(command, port, PEER_CORE) as running:
        yield Peer("express", running, port, "/api/chat")


@contextlib.contextmanager
def sse_starlette(upstream: str, heartbeat: float, scratch: Path) -> Iterator[Peer]:
    """sse-starlette with messages.stream."""
    port = free_port()
    command = [sys.executable, "-m", "bench.peers.obvious_python", str(port), upstream, str(heartbeat)]
    with process(command, port, PEER_CORE) as running:
        yield Peer("sse-starlette", running, port, "/api/chat")


@contextlib.contextmanager
def litellm(upstream: str, heartbeat: float, scratch: Path) -> Iterator[Peer]:
    """The LiteLLM proxy, passing the Messages API through; it has no heartbeats."""
    port = free_port()
    config = scratch / f"litellm-{port}.yaml"
    config.write_text("model_list: []\nlitellm_settings: {telemetry: false}\n")
    command = [str(LITELLM), "--host", "127.0.0.1", "--port", str(port), "--config", str(config), "--num_workers", "1"]
    environment = {
        "ANTHROPIC_API_BASE": upstream,
        "ANTHROPIC_API_KEY": "bench",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # else it fetches one from the internet
        "LITELLM_LOG": "ERROR",
        "LITELLM_MASTER_KEY": _KEY,
    }
    with process(command, port, PEER_CORE, health="/health/liveliness", wait=180, **environment) as running:
        headers = {"authorization": f"Bearer {_KEY}", "anthropic-version": "2023-06-01"}
        yield Peer("litellm", running, port, "/anthropic/v1/messages", headers, _MESSAGE)


@contextlib.contextmanager
def nginx(upstream: str, heartbeat: float, scratch: Path) -> Iterator[Peer]:
    """nginx as plain proxy."""
    port = free_port()
    config = scratch / f"proxy-{port}.conf"
    config.write_text(
        f"daemon off; worker_processes 1; pid {scratch}/proxy-{port}.pid; error_log /dev/null;"
        "events { worker_connections 8192; }"
        f"http {{ access_log off; server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass {upstream};"
        " proxy_http_version 1.1; proxy_buffering off; proxy_read_timeout 600; } } }"
    )
    with process(["nginx", "-p", str(scratch), "-c", str(config)], port, PEER_CORE) as running:
        yield Peer("nginx", running, port, "/v1/messages", {}, _MESSAGE)
