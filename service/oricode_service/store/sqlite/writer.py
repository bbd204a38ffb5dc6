"""The one writer: deltas on the event loop, fsynced commits and checkpoints on a thread, one lock for their order.

A delta flush does not wait for the disk (``synchronous=normal`` in WAL), so handing it to a thread costs more than
the write. A commit waits for the disk, so it runs on the thread; whatever was asked meanwhile shares the next
transaction (group commit). ``synchronous`` is switched on the one connection rather than kept on two, because SQLite
before 3.51.3 can corrupt a WAL that one connection checkpoints while another writes.

A failed fsync is not repeated as if nothing had been: see :mod:`.mending`.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from ..port import Fenced, StoreUnavailable
from ..rows import Record
from .database import FILE, connect
from .mending import rewrite

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]

CHECKPOINT_PAGES = 6_000
"""Pages written to the WAL since the last checkpoint, about, that make the next one due: 24 MB. A longer WAL costs more
than it saves: the file system finds new room for it, and the fsync at its end holds deltas up (p99 4 ms, not 12)."""
_PAGE_BYTES = 4096
FSYNC_FAILED = (sqlite3.SQLITE_IOERR_FSYNC, sqlite3.SQLITE_IOERR_DIR_FSYNC)
_TRUNCATE = "pragma wal_checkpoint(truncate)"
_INSERT = "insert into event (run_no, seq, epoch, event, data) values (?, ?, ?, ?, ?)"


class Writer:
    """Owns the writing connection. All methods belong to the event loop's thread."""

    def __init__(self, data_dir: Path) -> None:
        self._db = connect(data_dir, timeout=0)
        self._db.execute("pragma synchronous=normal")
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sqlite")
        self._lock = asyncio.Lock()
        self._waiting: list[tuple[Work[Any], asyncio.Future[Any]]] = []
        self._drain: asyncio.Task[None] | None = None
        self._unchecked = 0
        self._closed = False
        self._wal = data_dir / f"{FILE}-wal"
        self._suspect = False
        """An fsync failed since the WAL was last known to be on disk."""
        self.durable = True
        """False only in tests that show what a power cut does without fsync."""

    async def append(self, records: Sequence[Record]) -> None:
        """Write deltas; on the loop unless a commit is in progress, the WAL is to be mended or the file is held."""
        if not self._lock.locked() and not self._suspect:
            try:
                _insert(self._db, records)
            except sqlite3.OperationalError as error:
                if not _is_busy(error):
                    raise StoreUnavailable(str(error)) from error
            else:
                self._count(records)
                return
        async with self._lock:
            await self._on_thread(lambda db: _insert(self._mended(db), records))
        self._count(records)

    def _count(self, records: Sequence[Record]) -> None:
        # Each run's events go to a page of their own; a record that does not fit takes more.
        self._unchecked += len(records) + sum(len(record[4]) for record in records) // _PAGE_BYTES
        if self._unchecked >= CHECKPOINT_PAGES and self._drain is None:
            self._drain = asyncio.get_running_loop().create_task(self._work())

    async def transact(self, work: Work[T]) -> T:
        """Run ``work`` inside a transaction that is on disk when this returns.

        Domain errors raised by ``work`` undo only its own part. When the disk refuses, all that shared the transaction
        get :class:`StoreUnavailable` and nothing was written; so do those who come after :meth:`close`.
        """
        if self._closed:
            raise StoreUnavailable("this process has given the database up")
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()
        self._waiting.append((work, done))
        if self._drain is None:
            self._drain = loop.create_task(self._work())
        return await done

    async def _work(self) -> None:
        try:
            while self._waiting or self._unchecked >= CHECKPOINT_PAGES:
                async with self._lock:
                    batch, self._waiting = self._waiting, []
                    outcomes = await self._on_thread(partial(self._run, batch)) if batch else []
                    for (_, done), (value, error) in zip(batch, outcomes, strict=True):
                        if done.cancelled():
                            continue
                        if error is not None:
                            done.set_exception(error)
                        else:
                            done.set_result(value)
                    if self._unchecked >= CHECKPOINT_PAGES:
                        self._unchecked = 0
                        # A refused checkpoint loses nothing: the WAL grows until the next one.
                        with contextlib.suppress(StoreUnavailable):
                            await self._on_thread(lambda db: _checkpoint(self._mended(db)))
        finally:
            self._drain = None

    def _run(self, batch: list[tuple[Work[Any], Any]], db: sqlite3.Connection) -> list[tuple[Any, Exception | None]]:
        outcomes: list[tuple[Any, Exception | None]] = []
        try:
            self._mended(db)
            if self.durable:
                db.execute("pragma synchronous=full")
            db.execute("begin immediate")
            for work, _ in batch:
                db.execute("savepoint work")
                try:
                    outcomes.append((work(db), None))
                except sqlite3.Error:
                    raise
                except Exception as error:  # noqa: BLE001 - a domain error belongs to the caller that waits for it
                    db.execute("rollback to work")
                    outcomes.append((None, error))
                db.execute("release work")
            db.execute("commit")
            self._unchecked += 8 * len(batch)
        except (sqlite3.Error, OSError) as error:
            self._note(error)
            _rollback(db)
            refused = Fenced(str(error)) if isinstance(error, sqlite3.IntegrityError) else StoreUnavailable(str(error))
            outcomes = [(None, refused)] * len(batch)
        finally:
            if self.durable:
                db.execute("pragma synchronous=normal")
        return outcomes

    async def _on_thread(self, work: Work[T]) -> T:
        """Run on the writer thread, waiting there for other processes' locks."""

        def call() -> T:
            self._db.execute("pragma busy_timeout=5000")
            try:
                return work(self._db)
            except sqlite3.Error as error:
                self._note(error)
                raise
            finally:
                self._db.execute("pragma busy_timeout=0")

        try:
            # Shielded: a cancelled caller must not release the lock while the thread still writes.
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
        if self._suspect:
            rewrite(db, self._wal)
            self._suspect = False
        return db

    def _note(self, error: sqlite3.Error | OSError) -> None:
        """Remember when the disk refused to keep what it had taken."""
        if getattr(error, "sqlite_errorcode", None) in FSYNC_FAILED:
            self._suspect = True

    async def close(self) -> None:
        """Finish what waits, fold the WAL into the file, close."""
        self._closed = True
        while self._drain is not None:
            await asyncio.wait([self._drain])
        async with self._lock:
            try:
                await self._on_thread(lambda db: self._mended(db).execute(_TRUNCATE).fetchall())
            finally:
                self._thread.shutdown()
                self._db.close()


def _insert(db: sqlite3.Connection, records: Sequence[Record]) -> None:
    db.execute("begin immediate")
    try:
        db.executemany(_INSERT, records)
        db.execute("commit")
    except sqlite3.Error as error:
        _rollback(db)
        if isinstance(error, sqlite3.IntegrityError):
            raise Fenced(f"the log was written by another process: {error}") from error
        raise


def _checkpoint(db: sqlite3.Connection) -> None:
    db.execute("pragma wal_checkpoint(passive)").fetchall()


def _rollback(db: sqlite3.Connection) -> None:
    if db.in_transaction:
        db.execute("rollback")


def _is_busy(error: sqlite3.OperationalError) -> bool:
    return error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
