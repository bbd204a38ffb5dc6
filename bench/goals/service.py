"""``oricode serve`` in a process of its own, for goals: its address, an administrator's key, its memory and files."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_ADDRESS = re.compile(r"address +(http://\S+)")
_KEY = re.compile(r"key +(\S+) +\(shown once")


class Service:
    """A service that can be killed and started again on the same port and data."""

    def __init__(self, folder: str, model: str, settings: dict[str, str], sabotage: str | None = None) -> None:
        """``sabotage``: a safeguard to take away (``bench.faults.sabotage``), for controls."""
        self._folder = folder
        self._sabotage = sabotage
        self._model = model
        self._settings = settings
        self._process: subprocess.Popen[str] | None = None
        self.url = ""
        self.key = ""
        self.said: list[str] = []
        """Lines of its log so far."""

    def start(self) -> None:
        """Returns when it serves."""
        program = [str(Path(sys.prefix) / "bin/oricode")]
        if self._sabotage is not None:
            program = [sys.executable, "-m", "bench.faults.sabotage", self._sabotage]
        port = self.url.rpartition(":")[2] or "0"
        command = [*program, "serve", "--port", port, "--data-dir", self._folder, "--model", self._model]
        free = {"ORICODE_RATE_LIMIT": "off", "ORICODE_MAX_CONCURRENT_RUNS": "0"}
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("ORICODE_", "ANTHROPIC_"))}
        self._process = subprocess.Popen(
            command, env=clean | free | self._settings, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        out = self._process.stdout
        assert out is not None
        begun = len(self.said)
        for line in out:
            self.said.append(line)
            if "Try it" in line:
                break
        banner = "".join(self.said[begun:])
        address, key = _ADDRESS.search(banner), _KEY.search(banner)
        assert address, banner
        self.url, self.key = address[1], key[1] if key else self.key
        threading.Thread(target=lambda: self.said.extend(out), daemon=True).start()

    def run(self, **body: object) -> str:
        """A new run, by its id; its stream is left after the first event."""
        headers = {"X-API-Key": self.key, "Content-Type": "application/json"}
        sent = json.dumps({"prompt": "x", "stream": True} | body).encode()
        request = urllib.request.Request(f"{self.url}/api/chat", sent, headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            for line in answer:
                if line.startswith(b"id: "):
                    return str(line[4:].partition(b".")[0].decode())
        raise AssertionError("the run ended before it began")

    def kill(self) -> None:
        """As the kernel would."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(30)

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def rss(self) -> int:
        """Resident memory, in bytes."""
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def cpu(self) -> float:
        """Seconds of CPU so far, its own and the kernel's on its behalf."""
        used = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(used[11]) + int(used[12])) / os.sysconf("SC_CLK_TCK")

    def files(self) -> int:
        """Open descriptors."""
        return len(os.listdir(f"/proc/{self.pid}/fd"))


@contextmanager
def service(
    model: str = "echo", folder: str | None = None, sabotage: str | None = None, **settings: str
) -> Iterator[Service]:
    """Until the block ends. ``settings``: environment variables; ``folder`` None: data in a temporary one."""
    with tempfile.TemporaryDirectory() as own:
        running = Service(folder or own, model, settings, sabotage)
        try:
            running.start()
            yield running
        finally:
            running.kill()
