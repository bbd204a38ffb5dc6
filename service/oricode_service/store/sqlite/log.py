"""The logs in SQLite. One process owns the file, so nobody else writes: there is nothing to watch."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Mapping, Sequence

from ..rows import Op, Record, page_of
from . import operations
from .writer import Writer

PACE = 0.002
"""Between two flushes under load: each is a transaction of about 15 µs, and of another 3 µs for each run in it. A lone
event never waits."""
PAGE_BYTES = 32 * 1024
LOOK_SECONDS = 0.2
"""How often a process that gave its runs to the next one looks for what that one wrote."""
_ROW_BYTES = 100
"""A guess at an event's size, to ask for about as many rows as a page needs."""


class SqliteLog:
    """Implements :class:`~oricode_service.store.port.LogStore`."""

    def __init__(self, writer: Writer, reader: sqlite3.Connection) -> None:
        self.pace = PACE
        self.given_up = False
        self._writer = writer
        self._reader = reader

    async def append(self, records: Sequence[Record]) -> None:
        await self._writer.append(records)

    async def commit(self, records: Sequence[Record], ops: Sequence[Op]) -> None:
        await self._writer.transact(lambda db: operations.apply(db, records, ops))

    async def read(self, run_no: int, after: int, max_bytes: int) -> list[Record]:
        rows = self._reader.execute(
            "select run_no, seq, epoch, event, data from event where run_no = ? and seq > ? order by seq limit ?",
            (run_no, after, max(1, max_bytes // _ROW_BYTES)),
        )
        return page_of(map(Record._make, rows), after, max_bytes)

    async def epoch_of(self, run_no: int, seq: int) -> int | None:
        found = self._reader.execute(
            "select epoch from event where run_no = ? and seq >= ? order by seq limit 1", (run_no, seq)
        ).fetchone()
        return found[0] if found else None

    async def tail(self, cursors: Mapping[int, int]) -> list[Record]:
        return [record for run_no, seq in cursors.items() for record in await self.read(run_no, seq, PAGE_BYTES)]

    async def watch(self) -> AsyncIterator[frozenset[int] | None]:
        while self.given_up:  # the next process writes to the same file, and cannot tell us
            await asyncio.sleep(LOOK_SECONDS)
            yield None
