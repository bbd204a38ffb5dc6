"""A log store in memory that can be held back, refuse, or find itself fenced; and records to put into it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

from oricode_protocol import codec
from oricode_service.store.port import StoreUnavailable
from oricode_service.store.rows import Op, Record, page_of


def record(
    seq: int, event: str = "content", text: str = "x", run_no: int = 1, epoch: int = 1, index: int = 0
) -> Record:
    """One event of a run."""
    return Record(run_no, seq, epoch, event, codec.dumps({"text": text, "index": index}))


def together(first: int, count: int, size: int = 1, epoch: int = 1) -> Record:
    """Several events of a run as one record."""
    data = codec.encode_texts([f"{seq}" + "x" * size for seq in range(first, first + count)], 0)
    return Record(1, first + count - 1, epoch, "content", data)


def apart(records: Sequence[Record]) -> list[Record]:
    """However they were put together: one record an event."""
    return [r._replace(seq=seq, data=data) for r in records for seq, data in enumerate(r.datas(), r.first)]


class Books:
    """Implements ``LogStore``; what it did is in ``writes``, each write one list."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.writes: list[list[Record]] = []
        self.ops: list[Op] = []
        self.reads = 0
        self.refusals = 0
        """How many writes to refuse from now on."""
        self.failure: Exception | None = None
        """What every write raises from now on."""
        self._gate = asyncio.Event()
        self._gate.set()
        self.asked = asyncio.Event()
        """Set when a write has begun."""

    def hold(self) -> None:
        """Writes wait from now on."""
        self._gate.clear()
        self.asked.clear()

    def let_go(self) -> None:
        self._gate.set()

    async def append(self, records: Sequence[Record]) -> None:
        await self.commit(records, ())

    async def commit(self, records: Sequence[Record], ops: Sequence[Op]) -> None:
        self.asked.set()
        await self._gate.wait()
        if self.failure is not None:
            raise self.failure
        if self.refusals:
            self.refusals -= 1
            raise StoreUnavailable("not now")
        self.records += records
        self.ops += ops
        self.writes.append(list(records))

    async def read(self, run_no: int, after: int, max_bytes: int) -> list[Record]:
        self.reads += 1
        return page_of((held for held in self.records if held.run_no == run_no and held.seq > after), after, max_bytes)

    async def epoch_of(self, run_no: int, seq: int) -> int | None:
        return next((r.epoch for r in self.records if r.run_no == run_no and r.first <= seq <= r.seq), None)

    async def watch(self) -> AsyncIterator[frozenset[int] | None]:
        return
        yield None

    def follow(self, run_nos: frozenset[int]) -> None:
        """Nobody else writes."""
