"""Opening the SQLite file: pragmas, schema version, and who owns the data directory.

In: a data directory. Out: connections in autocommit mode. WAL, checkpoints only where :mod:`writer` asks for them.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
from importlib.resources import files
from pathlib import Path
from typing import Any

from ..port import StoreUnavailable, WrongVersion

FILE = "oricode.db"
LOCK = "oricode.lock"
VERSION = 1
SAFE_SQLITE = (3, 51, 3)
"""From here on SQLite has no WAL-reset bug (two connections checkpointing and writing at once)."""


class DataDirectoryOwned(Exception):
    """Another process serves this data directory."""


class DataDirectoryUnusable(Exception):
    """This data directory cannot be made, read or written, or holds no database."""


class Reader(sqlite3.Connection):
    """The service's reading connection: what the disk refuses is no bug of whoever asks."""

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        """Raises StoreUnavailable; what goes wrong behind the first row still raises what sqlite3 does."""
        try:
            return super().execute(sql, parameters)
        except sqlite3.DatabaseError as refused:
            raise StoreUnavailable(str(refused)) from refused


def connect(
    data_dir: Path,
    *,
    read_only: bool = False,
    timeout: float = 5.0,
    factory: type[sqlite3.Connection] = sqlite3.Connection,
) -> sqlite3.Connection:
    """A connection in autocommit mode, for one thread at a time. ``timeout``: seconds to wait for a lock."""
    path = data_dir / FILE
    connection = sqlite3.connect(
        f"file:{_quoted(path)}" + ("?mode=ro" if read_only else ""),
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        timeout=timeout,
        cached_statements=256,
        factory=factory,
    )
    if not read_only:
        connection.execute("pragma journal_mode=wal")
        connection.execute("pragma wal_autocheckpoint=0")
    connection.execute("pragma synchronous=full")
    connection.execute("pragma foreign_keys=on")
    return connection


def _quoted(path: Path) -> str:
    from urllib.parse import quote

    return quote(str(path.absolute()))


def prepare(data_dir: Path) -> None:
    """Make the directory and the tables; raises :class:`WrongVersion` for a newer file. Safe to repeat."""
    data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    with contextlib.suppress(FileExistsError):  # the owner's alone also in a folder that others may enter
        os.close(os.open(data_dir / FILE, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    connection = connect(data_dir)
    try:
        connection.execute("begin immediate")
        found = connection.execute("pragma user_version").fetchone()[0]
        if found > VERSION:
            raise WrongVersion(f"the database has version {found}, this service knows {VERSION}")
        if found < VERSION:
            # One statement at a time: executescript would commit the open transaction first.
            for statement in _statements():
                connection.execute(statement)
            connection.execute(f"pragma user_version={VERSION}")
        connection.execute("commit")
    finally:
        connection.close()


def _statements() -> list[str]:
    text = files(__package__).joinpath("schema.sql").read_text()
    bare = "\n".join(line.split("--")[0] for line in text.splitlines())
    return [statement for part in bare.split(";") if (statement := part.strip())]


class Ownership:
    """The exclusive right to serve a data directory, held by flock until closed or the process dies."""

    def __init__(self, data_dir: Path) -> None:
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._file = os.open(data_dir / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(self._file, 200, 0).decode("utf-8", "replace").strip() or "unknown process"
            os.close(self._file)
            raise DataDirectoryOwned(f"{data_dir} is in use by another service ({holder})") from None
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, f"pid {os.getpid()}".encode(), 0)

    def close(self) -> None:
        """Give the directory free."""
        os.close(self._file)


def version_warning() -> str | None:
    """A sentence when the runtime's SQLite has a known corruption bug, else None."""
    if sqlite3.sqlite_version_info >= SAFE_SQLITE:
        return None
    return (
        f"SQLite {sqlite3.sqlite_version} has the WAL-reset bug fixed in 3.51.3; this service avoids it by writing "
        "and checkpointing through one connection. Do not open the database with other writers."
    )
