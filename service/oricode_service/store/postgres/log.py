"""The logs in PostgreSQL: one connection writes, the pool reads, hints tell the other processes.

In: what the group commit flushes, one flush at a time. Out: rows that every process sees. Each write is one statement
that carries the fence, so a stopped process can never sit on a lock. A flush of deltas does not wait for the disk.

Two kinds of trouble are told apart by the rows themselves. A write whose answer was lost is tried again and finds its
own rows, of its own epoch: it had succeeded. Rows of another epoch mean another process: Fenced. And a database that
crashed may have lost the deltas of its last moments, although they were acknowledged: what was written since the last
commit that waited for the disk is kept here, and written again before anything else on a new connection.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence

from ..port import StoreUnavailable
from ..rows import Op, Record, page_of
from . import operations
from .connections import Connection, Line, Pool, UniqueViolation
from .hints import Hints
from .lease import Lease

PACE = 0.010
"""Between two flushes: a flush costs 150 to 300 µs here and there, whether it holds one event or twenty."""
TAIL_EVENTS = 256
"""Events per run that one read of many tails brings at most."""
KEEP_SECONDS = 5.0
"""Deltas are kept this long for a database that crashes: its WAL writer needs 0.6 s at its default setting."""
RETRY_SECONDS = 0.2
_ROW_BYTES = 100
"""A guess at an event's size, to ask for about as many rows as a page needs."""

_COLUMNS = "run_no, seq, epoch, event, data"
_NEW = "unnest($2::bigint[], $3::integer[], $4::integer[], $5::text[], $6::bytea[])"
_ALIVE = "(select from instance where id = $1 and not dead for share) me"
_APPEND = f"insert into event ({_COLUMNS}) select e.* from {_ALIVE}, {_NEW} e"
_APPEND_AGAIN = f"{_APPEND} on conflict do nothing"
_COMMIT = (
    "select commit_log($1, $2, $3::bigint[], $4::integer[], $5::integer[], $6::text[], $7::bytea[], $8::text[],"
    " $9::bigint[], $10::bigint[], $11::integer[], $12::text[], $13::text[], $14::bigint[], $15::bytea[], $16::bytea[])"
)
_OWN = """
select count(*) from unnest($1::bigint[], $2::integer[], $3::integer[]) as own(run_no, seq, epoch)
join event using (run_no, seq) where event.epoch = own.epoch
"""
_READ = f"select {_COLUMNS} from event where run_no = $1 and seq > $2 order by seq limit $3"
_TAIL = f"""
select e.* from unnest($1::bigint[], $2::integer[]) as seen(run_no, seq) cross join lateral (
    select {_COLUMNS} from event where event.run_no = seen.run_no and event.seq > seen.seq order by event.seq limit $3
) e
"""


class PostgresLog:
    """Implements :class:`~oricode_service.store.port.LogStore`."""

    def __init__(self, url: str, pool: Pool, lease: Lease, hints: Hints) -> None:
        self.pace = PACE
        self._pool = pool
        self._lease = lease
        self._hints = hints
        self._line = Line(url, "log", self._greet)
        self._durability = "on"
        self._unsynced: deque[tuple[float, Sequence[Record]]] = deque()
        """(loop time, records) of flushes that a crash of the database could undo."""
        self._lost = asyncio.Event()

    async def append(self, records: Sequence[Record]) -> None:
        async with self._line.use() as connection:
            try:
                done = await connection.execute(_APPEND, self._lease.me, *zip(*records, strict=True))
                written = int(done.rpartition(" ")[2]) == len(records)
            except UniqueViolation:
                written = await _own(connection, records)
        if not written:
            self._lease.lost()
        self._keep(records)
        self._hints.say(events={record.run_no for record in records})

    async def commit(self, records: Sequence[Record], ops: Sequence[Op]) -> None:
        if not records and not operations.repeatable(ops):
            raise ValueError("an operation that counts needs an event in its commit, to be recognised when tried again")
        events = zip(*records, strict=True) if records else [()] * 5
        freed: list[int] | None
        async with self._line.use() as connection:
            try:
                freed = await connection.fetchval(
                    _COMMIT, self._lease.me, self._durability, *events, *operations.columns(ops)
                )
            except UniqueViolation:
                freed = [] if records and await _own(connection, records) else None
        if freed is None:
            self._lease.lost()
        self._unsynced.clear()
        self._hints.say(events={record.run_no for record in records}, orders=freed)

    async def read(self, run_no: int, after: int, max_bytes: int) -> list[Record]:
        rows = await self._pool.all(_READ, run_no, after, max(1, max_bytes // _ROW_BYTES))
        return page_of((Record(*row) for row in rows), after, max_bytes)

    async def tail(self, cursors: Mapping[int, int]) -> list[Record]:
        found = await self._pool.all(_TAIL, list(cursors), list(cursors.values()), TAIL_EVENTS)
        return [Record(*row) for row in found]

    async def epoch_of(self, run_no: int, seq: int) -> int | None:
        epoch: int | None = await self._pool.value(
            "select epoch from event where run_no = $1 and seq >= $2 order by seq limit 1", run_no, seq
        )
        return epoch

    def watch(self) -> AsyncIterator[frozenset[int] | None]:
        return self._hints.events.listen()

    async def keep(self) -> None:
        """Be connected, until cancelled, also while there is nothing to write.

        What a crash of the database took must be written again before somebody asks for it."""
        self._lost.set()
        while True:
            await self._lost.wait()
            self._lost.clear()
            try:
                async with self._line.use():
                    continue
            except StoreUnavailable:
                await asyncio.sleep(RETRY_SECONDS)
                self._lost.set()

    def drop(self) -> None:
        """End the writing connection."""
        self._line.drop()

    async def _greet(self, connection: Connection) -> None:
        """A new connection: commits wait as this database's operator wants it, but for the disk at least."""
        wanted = await connection.fetchval("show synchronous_commit")
        self._durability = "on" if wanted == "off" else wanted
        await connection.execute("set synchronous_commit = off")
        connection.add_termination_listener(lambda _: self._lost.set())
        records = [record for _, kept in self._unsynced for record in kept]
        if records:
            await connection.execute(_APPEND_AGAIN, self._lease.me, *zip(*records, strict=True))
            if not await _own(connection, records):
                self._lease.lost()

    def _keep(self, records: Sequence[Record]) -> None:
        now = asyncio.get_running_loop().time()
        self._unsynced.append((now, records))
        while self._unsynced[0][0] < now - KEEP_SECONDS:
            self._unsynced.popleft()


async def _own(connection: Connection, records: Sequence[Record]) -> bool:
    """Whether all of these are stored, written under their own epoch."""
    run_nos, seqs, epochs, _, _ = zip(*records, strict=True)
    return bool(await connection.fetchval(_OWN, run_nos, seqs, epochs) == len(records))
