"""A copy of the database while the service writes, and a copy put in place. SQLite's online backup, nothing else.

In: a data directory and a file. Out: a file that is a complete database of one moment, or a data directory made of one.
A restore refuses a directory that a service holds, and a file that is no sound database of ours.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from math import inf
from pathlib import Path
from urllib.parse import quote

from . import journal
from .database import FILE, VERSION, Ownership, connect
from .recovery import recover

PAGES_AT_ONCE = 1000


class NotABackup(Exception):
    """The file cannot be restored; the text is one line for the operator."""


def backup(data_dir: Path, file: Path) -> int:
    """Copy the database to ``file``, which appears only when it is whole; its size in bytes.

    Raises sqlite3.Error or OSError. Safe beside a running service, which goes on writing.
    """
    part = file.with_name(file.name + ".part")
    part.unlink(missing_ok=True)
    try:
        with closing(connect(data_dir, read_only=True)) as source:
            os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
            with closing(sqlite3.connect(part)) as copy:
                source.execute("begin")  # one moment for all steps: else each write beside it begins the copy anew
                source.execute("select 1 from meta").fetchone()
                source.backup(copy, pages=PAGES_AT_ONCE)
                copy.execute("pragma journal_mode=delete")  # one file, without a log beside it
        _sound(part)
        os.replace(part, file)
    finally:
        part.unlink(missing_ok=True)
    return file.stat().st_size


def restore(file: Path, data_dir: Path) -> Path | None:
    """Make ``file`` the database of ``data_dir``; where the former one was put, None when there was none.

    Raises NotABackup, DataDirectoryOwned, sqlite3.Error or OSError; then the directory is as it was.
    """
    _sound(file)
    ownership = Ownership(data_dir)
    try:
        place, fresh = data_dir / FILE, data_dir / f"{FILE}.restoring"
        fresh.unlink(missing_ok=True)
        with closing(_opened(file)) as source, closing(sqlite3.connect(fresh)) as copy:
            source.backup(copy)
        fresh.chmod(0o600)
        former = None
        if place.exists():
            _fold(data_dir)
            former = place.with_name(f"{FILE}.before-restore")
            os.replace(place, former)
        for beside in ("-wal", "-shm"):
            place.with_name(place.name + beside).unlink(missing_ok=True)
        journal.drop(data_dir, inf)
        os.replace(fresh, place)
        return former
    finally:
        ownership.close()


def _fold(data_dir: Path) -> None:
    """Put into the former database what its write-ahead log and its journal hold: it belongs to it."""
    try:
        with closing(connect(data_dir)) as old:
            with suppress(sqlite3.DatabaseError):
                recover(old, data_dir, "")
            old.execute("pragma wal_checkpoint(truncate)")
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError:
        pass  # it is damaged, perhaps that is why


def _opened(file: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{quote(str(file.absolute()))}?mode=ro", uri=True)


def _sound(file: Path) -> None:
    if not file.is_file():
        raise NotABackup(f"{file} is not there")
    try:
        with closing(_opened(file)) as copy:
            version = copy.execute("pragma user_version").fetchone()[0]
            verdict = copy.execute("pragma quick_check(1)").fetchone()[0]
            runs = copy.execute("select count(*) from sqlite_master where name in ('run', 'event', 'chat')").fetchone()
    except sqlite3.DatabaseError as damage:
        raise NotABackup(f"{file} is not a database: {damage}") from damage
    if verdict != "ok":
        raise NotABackup(f"{file} is damaged: {verdict}")
    if runs[0] != 3 or not 1 <= version <= VERSION:
        raise NotABackup(f"{file} is not a database of this service, or of a newer one")
