"""The one writer: a connection and the thread it is used on. The event loop never waits for the disk.

In: pieces of work, from the loop. Out: their values, when the transaction that held them is on disk; whatever was asked
while one was being written shares the next (group commit). Checkpoints run here too, between transactions: SQLite
before 3.51.3 can corrupt a WAL that one connection checkpoints while another writes, so ``synchronous`` is switched on
the one connection rather than kept on two. A failed fsync is not repeated as if nothing had been: see :mod:`.mending`.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from ..port import Fenced, StoreUnavailable
from .database import FILE, connect
from .mending import rewrite

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]

PAGE_BYTES = 4096
CHECKPOINT_PAGES = 6_000
"""Pages written to the WAL since the last checkpoint, about, that make the next one due: 24 MB. A longer WAL costs more
than it saves: the file system finds new room for it, and the fsync at its end takes longer."""
_FEW_PAGES = 8
FSYNC_FAILED = (sqlite3.SQLITE_IOERR_FSYNC, sqlite3.SQLITE_IOERR_DIR_FSYNC)


class _Asked(NamedTuple):
    work: Work[Any]
    done: asyncio.Future[Any]
    durable: bool
    pages: int


class Writer:
    """Owns the writing connection. All methods belong to the event loop's thread."""

    def __init__(self, data_dir: Path) -> None:
        self._db = connect(data_dir)  # waits for other processes' locks, on its thread
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sqlite")
        self._waiting: list[_Asked] = []
        self._drain: asyncio.Task[None] | None = None
        self._unchecked = 0
        self._closed = False
        self._wal = data_dir / f"{FILE}-wal"
        self.suspect = False
        """An fsync failed since the WAL was last known to be on disk."""
        self.mended = 0
        """How often it was made whole again."""
        self.durable = True
        """False only in tests that show what a power cut does without fsync."""

    async def transact(self, work: Work[T], *, durable: bool = True, pages: int = _FEW_PAGES) -> T:
        """Run ``work`` inside a transaction that is on disk when this returns; not ``durable``: that survives a kill.

        ``pages``: how many it writes, about. Domain errors raised by ``work`` undo only its own part. When the disk
        refuses, all that shared the transaction get :class:`StoreUnavailable` and nothing was written; so do those who
        come after :meth:`close`.
        """
        if self._closed:
            raise StoreUnavailable("this process has given the database up")
        loop = asyncio.get_running_loop()
        asked = _Asked(work, loop.create_future(), durable and self.durable, pages)
        self._waiting.append(asked)
        if self._drain is None:
            self._drain = loop.create_task(self._work())
        value: T = await asked.done
        return value

    async def _work(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting, []
                outcomes = await self._on_thread(partial(self._run, batch))
                for asked, (value, error) in zip(batch, outcomes, strict=True):
                    if asked.done.cancelled():
                        continue
                    if error is not None:
                        asked.done.set_exception(error)
                    else:
                        asked.done.set_result(value)
                self._unchecked += sum(asked.pages for asked in batch)
                if self._unchecked >= CHECKPOINT_PAGES:
                    self._unchecked = 0
                    # A refused checkpoint loses nothing: the WAL grows until the next one.
                    with contextlib.suppress(StoreUnavailable):
                        await self._on_thread(lambda db: _checkpoint(self._mended(db)))
        finally:
            self._drain = None

    def _run(self, batch: list[_Asked], db: sqlite3.Connection) -> list[tuple[Any, Exception | None]]:
        outcomes: list[tuple[Any, Exception | None]] = []
        quick = not any(asked.durable for asked in batch)
        try:
            self._mended(db)
            if quick:
                db.execute("pragma synchronous=normal")
            db.execute("begin immediate")
            for asked in batch:
                db.execute("savepoint work")
                try:
                    outcomes.append((asked.work(db), None))
                except sqlite3.Error:
                    raise
                except Exception as error:  # noqa: BLE001 - a domain error belongs to the caller that waits for it
                    db.execute("rollback to work")
                    outcomes.append((None, error))
                db.execute("release work")
            db.execute("commit")
        except (sqlite3.Error, OSError) as error:
            self._note(error)
            _rollback(db)
            refused = Fenced(str(error)) if isinstance(error, sqlite3.IntegrityError) else StoreUnavailable(str(error))
            outcomes = [(None, refused)] * len(batch)
        finally:
            if quick:
                db.execute("pragma synchronous=full")
        return outcomes

    async def _on_thread(self, work: Work[T]) -> T:
        def call() -> T:
            try:
                return work(self._db)
            except sqlite3.Error as error:
                self._note(error)
                raise

        try:
            # Shielded: a cancelled caller must not go on while the thread still writes.
            task = asyncio.get_running_loop().run_in_executor(self._thread, call)
            try:
                return await asyncio.shield(task)
            except asyncio.CancelledError:
                await asyncio.wait([task])
                raise
        except (sqlite3.OperationalError, OSError) as error:
            raise StoreUnavailable(str(error)) from error

    def _mended(self, db: sqlite3.Connection) -> sqlite3.Connection:
        """The connection, behind which nothing is in doubt. Raises OSError while the disk refuses."""
        if self.suspect:
            rewrite(db, self._wal)
            self.mended += 1  # before the next line: the loop's thread reads both, and must see one of them
            self.suspect = False
        return db

    def _note(self, error: sqlite3.Error | OSError) -> None:
        """Remember when the disk refused to keep what it had taken."""
        if getattr(error, "sqlite_errorcode", None) in FSYNC_FAILED:
            self.suspect = True

    async def close(self) -> None:
        """Finish what waits, fold the WAL into the file as far as nobody reads it, close."""
        self._closed = True
        while self._drain is not None:
            await asyncio.wait([self._drain])
        try:
            await self._on_thread(lambda db: _fold(self._mended(db)))
        finally:
            self._thread.shutdown()
            self._db.close()


def _checkpoint(db: sqlite3.Connection) -> None:
    db.execute("pragma wal_checkpoint(passive)").fetchall()


def _fold(db: sqlite3.Connection) -> None:
    db.execute("pragma busy_timeout=0")  # a backup reads as long as it takes; the next process folds what is left
    db.execute("pragma wal_checkpoint(truncate)").fetchall()


def _rollback(db: sqlite3.Connection) -> None:
    if db.in_transaction:
        db.execute("rollback")
