"""The logs in SQLite. One process owns the file, so nobody else writes: there is nothing to watch.

Deltas go to the journal, one write a flush, and are filed in the ``event`` table later: those of a run with its next
commit, the others when the journal is full. Readers see both. Steps go to the table at once, with an fsync.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from pathlib import Path

from ..port import StoreUnavailable
from ..rows import FinishRun, Op, Record, page_of
from . import journal, operations
from .unfiled import Unfiled, rows
from .writer import PAGE_BYTES as DISK_PAGE
from .writer import Writer

PACE = 0.002
"""Between two flushes under load. A lone event never waits."""
JOURNAL_BYTES = 1024 * 1024
"""From this size on the journal is filed."""
PAGE_BYTES = 32 * 1024
LOOK_SECONDS = 0.2
"""How often a process that gave its runs to the next one looks for what that one wrote."""
_ROW_BYTES = 100
"""A guess at an event's size, to ask for about as many rows as a page needs."""
_SELECT = "select run_no, seq, epoch, event, data from event where run_no = ? and seq > ? order by seq limit ?"
_LAST = "select coalesce(max(seq), 0) from event where run_no = ?"


class SqliteLog:
    """Implements :class:`~oricode_service.store.port.LogStore`."""

    def __init__(self, folder: Path, opening: str, writer: Writer, reader: sqlite3.Connection) -> None:
        """``opening``: see :class:`~.journal.Journal`."""
        self.pace = PACE
        self.given_up = False
        self.unfiled = Unfiled(self._filed)
        self._journal = journal.Journal(folder, opening)
        self._writer = writer
        self._reader = reader
        self._filing = asyncio.Lock()
        """Held by whoever files, so that nothing is filed twice."""
        self._task: asyncio.Task[None] | None = None
        self._mended = 0
        """The writer's count when the journal was last known to be sound."""

    async def append(self, records: Sequence[Record]) -> None:
        if self.given_up:
            raise StoreUnavailable("this process has given the database up")
        if self._writer.suspect or self._writer.mended != self._mended:
            await asyncio.shield(self._mend())  # as a commit is: what was filed counts as filed
        self.unfiled.check(records)
        self._journal.append(records)
        self.unfiled.add(records)
        if self._journal.size > JOURNAL_BYTES and self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._file_all())

    async def commit(self, records: Sequence[Record], ops: Sequence[Op]) -> None:
        self.unfiled.check(records)
        # Shielded: what was committed counts as filed although nobody waits for it any more.
        await asyncio.shield(self._commit(records, ops))

    async def _commit(self, records: Sequence[Record], ops: Sequence[Op]) -> None:
        async with self._filing:
            taken = self.unfiled.of({record.run_no for record in records})
            events = [*_rows(taken), *records]
            await self._writer.transact(lambda db: operations.apply(db, events, ops), pages=_pages(events))
            self.unfiled.filed(taken)
        self.unfiled.committed(records, {op.run_no for op in ops if isinstance(op, FinishRun)})

    async def _file(self, durable: bool) -> None:
        """File what the journal holds, and go on in a new one. Raises StoreUnavailable or OSError."""
        async with self._filing:
            full = self._journal.turn()
            taken = self.unfiled.of()
            events = _rows(taken)
            await self._writer.transact(
                lambda db: operations.apply(db, events, ()), durable=durable, pages=_pages(events)
            )
            self.unfiled.filed(taken)
            self._journal.drop(full)

    async def _file_all(self) -> None:
        try:
            await self._file(durable=False)
        except (StoreUnavailable, OSError):
            pass  # it stays in the journal, and in memory, until the next time
        finally:
            self._task = None

    async def _mend(self) -> None:
        """An fsync failed: what the kernel holds of the journal is in doubt too, so it is filed from memory."""
        try:
            await self._file(durable=True)
        except OSError as refused:
            raise StoreUnavailable(f"the journal cannot be written: {refused.strerror}") from refused
        self._mended = self._writer.mended

    async def read(self, run_no: int, after: int, max_bytes: int) -> list[Record]:
        try:
            return page_of(self._behind(run_no, after, max(1, max_bytes // _ROW_BYTES)), after, max_bytes)
        except sqlite3.DatabaseError as refused:  # behind the first row
            raise StoreUnavailable(str(refused)) from refused

    def _behind(self, run_no: int, after: int, most: int) -> Iterator[Record]:
        """Records behind ``after``, up to ``most`` from the table and then, if it has no more, the newest."""
        count = 0
        for found in self._reader.execute(_SELECT, (run_no, after, most)):
            record = Record._make(found)
            after = record[1]
            count += 1
            yield record
        if count < most:
            yield from self.unfiled.behind(run_no, after)

    async def epoch_of(self, run_no: int, seq: int) -> int | None:
        if (held := self.unfiled.at(run_no, seq)) is not None:
            return held.epoch
        found = self._reader.execute(
            "select epoch from event where run_no = ? and seq >= ? order by seq limit 1", (run_no, seq)
        ).fetchone()
        return found[0] if found else None

    async def tail(self, cursors: Mapping[int, int]) -> list[Record]:
        return [record for run_no, seq in cursors.items() for record in await self.read(run_no, seq, PAGE_BYTES)]

    async def watch(self) -> AsyncIterator[frozenset[int] | None]:
        while self.given_up:  # the next process writes to the same file, and cannot tell us; its deltas come when filed
            await asyncio.sleep(LOOK_SECONDS)
            yield None

    def _filed(self, run_no: int) -> int:
        last: int = self._reader.execute(_LAST, (run_no,)).fetchone()[0]
        return last

    async def give_up(self) -> None:
        """File everything and write no more. What the disk refuses stays in the journal, for the next opening."""
        self.given_up = True
        if self._task is not None:
            await asyncio.wait([self._task])
        await self._file_all()
        self._journal.close()


def _rows(taken: dict[int, list[Record]]) -> list[Record]:
    return rows(record for held in taken.values() for record in held)


def _pages(events: Sequence[Record]) -> int:
    """Of the database that these take, about, with an operation or two."""
    return 8 + len(events) + sum(len(record[4]) for record in events) // DISK_PAGE
