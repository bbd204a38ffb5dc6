"""A real PostgreSQL of the test session's own: started on a free port, stopped at its end.

Without PostgreSQL on the machine the tests that need it are skipped, and say so.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "postgres.sh"
LIMIT = 120
_names = count(1)


class PrivatePostgres:
    """A running server."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.run("start")

    def run(self, verb: str, *arguments: str) -> str:
        """A verb of the script; its answer."""
        done = subprocess.run(
            [SCRIPT, verb, self._folder, *arguments], stdout=subprocess.PIPE, text=True, timeout=LIMIT, check=True
        )
        return done.stdout.strip()

    def database(self) -> str:
        """The address of a new, empty database."""
        return self.run("fresh", f"test{next(_names)}")

    def restart(self, mode: str = "fast") -> None:
        """``immediate`` is a crash."""
        self.run("restart", mode)

    def stop(self) -> None:
        self.run("stop", "immediate")

    def start(self) -> None:
        self.run("start")


@contextmanager
def private_postgres() -> Iterator[PrivatePostgres]:
    """Skips the test when there is no PostgreSQL to start."""
    if subprocess.run([SCRIPT, "find"], capture_output=True, timeout=LIMIT, check=False).returncode:
        pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    folder = Path(tempfile.mkdtemp(prefix="oricode-postgres-"))
    folder.chmod(0o755)  # the server runs as a user of its own
    try:
        server = PrivatePostgres(folder)
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder)
