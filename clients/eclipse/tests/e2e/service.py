"""The real service, as a process that can be killed and started again on the same port and data."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

ORICODE = Path(__file__).resolve().parents[4] / ".venv" / "bin" / "oricode"
READY_S = 60


class Service:
    """One data folder, one port, and the process that serves them now."""

    def __init__(self, data: Path, port: int, key: str, options: tuple[str, ...], environment: dict[str, str]) -> None:
        self.key = key
        self.url = f"http://127.0.0.1:{port}"
        self._command = [str(ORICODE), "serve", "--port", str(port), "--data-dir", str(data), *options]
        self._environment = {**os.environ, **environment}
        self._log = data / "service.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the process and wait until it is ready."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log, env=self._environment)
        deadline = time.monotonic() + READY_S
        while time.monotonic() < deadline:
            with contextlib.suppress(urllib.error.URLError, ConnectionError):
                urllib.request.urlopen(f"{self.url}/readyz", timeout=2).close()
                return
            time.sleep(0.1)
        raise RuntimeError(f"the service did not become ready; see {self._log}")

    def kill(self) -> None:
        """SIGKILL: as a crash."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        self._process = None

    def stop(self) -> None:
        """End it in good order."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(30)
            self._process = None


@contextlib.contextmanager
def service(data: Path, *options: str, environment: dict[str, str] | None = None) -> Iterator[Service]:
    """A running service with a key of its own; stopped afterwards."""
    data.mkdir(parents=True)
    made = subprocess.run(
        [str(ORICODE), "keys", "create", "--user", "alice", "--data-dir", str(data)],
        check=True,
        capture_output=True,
        text=True,
    )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    running = Service(data, port, made.stdout.split()[-1], options, environment or {})
    running.start()
    try:
        yield running
    finally:
        running.stop()
