"""The load generator from outside: started on the other core, its lines read while it runs."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

from .peers.process import OTHER_CORE, ROOT

Result = dict[str, Any]


class Load:
    """A running load generator. Its lines come in the order that ``bench.load`` names them."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def line(self) -> Result:
        """The next line; RuntimeError when there is none, with what it complained of."""
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        text = self._process.stdout.readline()
        if not text:
            raise RuntimeError(f"the load generator ended: {self._process.stderr.read()}")
        found: Result = json.loads(text)
        return found


@contextlib.contextmanager
def running(spec: dict[str, Any]) -> Iterator[Load]:
    """A load that runs while the block does, for at most its limit and two minutes."""
    command = ["taskset", "-c", OTHER_CORE, sys.executable, "-m", "bench.load", json.dumps(spec)]
    started = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    guard = threading.Timer(spec.get("limit", 60) + 120, started.kill)
    guard.start()
    try:
        yield Load(started)
    finally:
        guard.cancel()
        started.kill()
        started.communicate()


def load(spec: dict[str, Any]) -> Result:
    """A whole load; its result."""
    with running(spec) as generator:
        found = generator.line()
        while "load_cpu" not in found:
            found = generator.line()
        return found
