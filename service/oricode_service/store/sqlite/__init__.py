"""The embedded store: SQLite in WAL mode, one process at a time. Implements ``store.port``."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ..port import StoreUnavailable, WrongVersion
from .database import (
    FILE,
    DataDirectoryOwned,
    DataDirectoryUnusable,
    Ownership,
    Reader,
    connect,
    prepare,
    version_warning,
)
from .keys import SqliteKeys

__all__ = ["DataDirectoryOwned", "DataDirectoryUnusable", "WrongVersion", "open_keys", "open_store", "version_warning"]


class SqliteStore:
    """An opened data directory. Close releases it for the next process."""

    def __init__(self, data_dir: Path, owner: str) -> None:
        # Here and not above: `oricode keys` needs no writer and must start fast.
        from .chats import SqliteChats
        from .log import SqliteLog
        from .programs import SqlitePrograms
        from .recovery import recover
        from .reports import SqliteReports
        from .runs import SqliteRuns
        from .writer import Writer

        self._ownership = Ownership(data_dir)
        try:
            prepare(data_dir)
            with contextlib.closing(connect(data_dir)) as connection:
                recover(connection, data_dir, owner)
        except BaseException:
            self._ownership.close()
            raise
        self._path = data_dir / FILE
        self.writer = Writer(data_dir)
        self._reader = connect(data_dir, read_only=True, factory=Reader)
        self.log = SqliteLog(data_dir, owner, self.writer, self._reader)
        self.runs = SqliteRuns(self.writer, self._reader, owner, self.log.unfiled)
        self.chats = SqliteChats(self.writer, self._reader)
        self.keys = SqliteKeys(self.writer.transact, self._reader)
        self.programs = SqlitePrograms(self.writer, self._reader)
        self.reports = SqliteReports(data_dir)
        self.counts = None
        self.shared = False

    @property
    def description(self) -> str:
        return f"SQLite {sqlite3.sqlite_version}, {self._path}"

    async def healthy(self) -> bool:
        try:
            await self.writer.transact(lambda db: db.execute("insert or replace into meta values ('alive', '')"))
        except StoreUnavailable:
            return False
        return True

    async def give_up(self) -> None:
        if not self.log.given_up:
            await self.log.give_up()
            with contextlib.suppress(StoreUnavailable):  # what the disk refuses stays in the WAL, for the next opening
                await self.writer.close()
            self._ownership.close()

    async def close(self) -> None:
        await self.give_up()
        self._reader.close()


async def open_store(data_dir: Path, owner: str) -> SqliteStore:
    """Open the store for serving. ``owner``: a fresh name for this incarnation of the process.

    Raises DataDirectoryOwned, DataDirectoryUnusable or WrongVersion.
    """
    try:
        return SqliteStore(data_dir, owner)
    except (OSError, sqlite3.Error) as trouble:
        raise DataDirectoryUnusable(f"the data directory {data_dir} cannot be used: {trouble}") from trouble


@contextlib.contextmanager
def open_keys(data_dir: Path) -> Iterator[SqliteKeys]:
    """The keys alone, beside a running service or without one. Cheap to open."""
    prepare(data_dir)
    connection = connect(data_dir)

    async def transact(work: Callable[[sqlite3.Connection], Any]) -> Any:
        connection.execute("begin immediate")
        try:
            value = work(connection)
            connection.execute("commit")
        except sqlite3.Error:
            connection.execute("rollback")
            raise
        return value

    try:
        yield SqliteKeys(transact, connection)
    finally:
        connection.close()
