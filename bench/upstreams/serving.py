"""Starting the upstreams, on the other core than the peers."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

from ..peers.process import OTHER_CORE, free_port, process


@contextlib.contextmanager
def burst_upstream(recording: bytes, scratch: Path) -> Iterator[str]:
    """nginx serving a recorded stream for every POST; gives its URL."""
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
    """The paced emitter: ``deltas`` a stream, one each ``period`` seconds (0: silent); gives its URL."""
    port = free_port()
    command = [sys.executable, "-m", "bench.upstreams.paced", str(port), str(deltas), str(period)]
    with process(command, port, OTHER_CORE):
        yield f"http://127.0.0.1:{port}"
