"""The group commit: everything the process appended since the last flush becomes durable and visible together.

In: records of any run, with or without operations that need an fsync. Out: ``publish`` on the runs' logs, after the
store has them and never before. Self-clocking: idle, a flush starts at once; busy, whatever gathered meanwhile is the
next one. When the store is unavailable it tries again until it is back: nothing is shown, nothing is lost.

Deltas and commits go two ways, so that no run's deltas wait for the fsync of another's step. The events of one run
never overtake each other: a commit takes along what its run has waiting, and the run's later events wait for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Coroutine, Sequence

from ..store.port import LogStore, StoreUnavailable
from ..store.rows import Op, Record
from .run_log import RunLog

BACKLOG_BYTES = 4 * 1024 * 1024
"""Above this, writers wait in :meth:`GroupCommit.room`."""
CLOSE_SECONDS = 5.0
RETRY_SECONDS = (0.05, 0.1, 0.2, 0.5, 1.0)
_log = logging.getLogger(__name__)


class GroupCommit:
    """One per process. Belongs to the event loop's thread."""

    def __init__(
        self,
        store: LogStore,
        on_failure: Callable[[Exception], None],
        reach: Callable[[str], None] = lambda name: None,
        pace: float = 0.0,
    ) -> None:
        """``on_failure`` is told, once, why nothing can become visible any more: Fenced, or a bug's exception.

        ``reach`` is told the names of the failpoints around each save.

        ``pace``: seconds between the beginnings of two flushes of deltas, for a store to which each is a round trip;
        the first one after a pause goes at once.
        """
        self._store = store
        self._reach = reach
        self._pace = pace
        self._flushed_at = 0.0
        """Loop time of the last flush's beginning."""
        self._on_failure = on_failure
        self._records: list[Record] = []
        """Waiting, in the order in which they came."""
        self._logs: dict[int, RunLog] = {}
        """Of the runs that have not ended."""
        self._bytes = 0
        self._ops: list[Op] = []
        self._then: list[Callable[[], None]] = []
        self._done: list[asyncio.Future[None]] = []
        self._bound: set[int] = set()
        """Runs with a commit that waits."""
        self._stored: set[int] = set()
        """Runs with a commit that is being stored."""
        self._everything = False
        """Somebody waits for all that was appended: no more deltas until it is stored."""
        self._more, self._asked = _Bell(), _Bell()
        self._turns = asyncio.Lock()
        """Held while deltas are being stored: the commit that follows must find them stored."""
        self._room: asyncio.Event = asyncio.Event()
        self._room.set()
        loop = asyncio.get_running_loop()
        self._tasks = [
            loop.create_task(self._for_ever(self._store_deltas()), name="deltas"),
            loop.create_task(self._for_ever(self._store_commits()), name="commits"),
        ]
        self._refused: dict[str, float] = {}
        """Which of the two ways the store refuses, since when."""
        self.observe: Callable[[int, float], None] = lambda size, seconds: None
        """Told after each flush: events in it, seconds it took."""
        self.on_unavailable: Callable[[], None] = lambda: None
        """Told when the store begins to refuse."""

    @property
    def unavailable_since(self) -> float | None:
        """Monotonic time since when the store refuses; None while it works."""
        return min(self._refused.values(), default=None)

    def append(self, log: RunLog, record: Record) -> None:
        """Add an event; it becomes visible with the next flush."""
        self._records.append(record)
        self._logs[record[0]] = log
        self._bytes += len(record[4])
        if self._more.waiting is not None:
            self._more.ring()

    async def commit(
        self, log: RunLog, records: Sequence[Record], ops: Sequence[Op], then: Callable[[], None] | None = None
    ) -> None:
        """Add events and operations, and return when they are fsynced and visible.

        ``then`` is called in between: what it counts is counted before anybody can have read the events.
        """
        self._records += records
        self._bytes += sum(len(record[4]) for record in records)
        if records:
            self._logs[log.run_no] = log
            self._bound.add(log.run_no)
        self._ops += ops
        if then is not None:
            self._then.append(then)
        await self._ask()

    async def flushed(self) -> None:
        """Return when everything appended so far is visible."""
        self._everything = True
        await self._ask()

    async def _ask(self) -> None:
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._done.append(done)
        self._asked.ring()
        await done

    @property
    def crowded(self) -> bool:
        """True when writers should wait for :meth:`room`."""
        return self._bytes > BACKLOG_BYTES

    async def room(self) -> None:
        """Wait until the backlog was flushed."""
        while self.crowded:
            self._room.clear()
            await self._room.wait()

    async def _store_deltas(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            while not self._free():
                await self._more.rung()
            if (left := self._flushed_at + self._pace - loop.time()) > 0:
                await asyncio.sleep(left)
            async with self._turns:
                self._flushed_at = loop.time()
                if records := self._take_free():
                    await self._save(records, [])
                    self._show(records)

    def _free(self) -> bool:
        """Whether anything waits that no commit holds."""
        if not self._records or self._everything:
            return False
        held = self._held
        return not held or any(record[0] not in held for record in self._records)

    @property
    def _held(self) -> set[int]:
        """Runs whose events wait for a commit."""
        return self._bound | self._stored

    def _take_free(self) -> list[Record]:
        """What waits of runs that no commit holds."""
        if self._everything:
            return []
        held, waiting = self._held, self._records
        self._records = [record for record in waiting if record[0] in held] if held else []
        return [record for record in waiting if record[0] not in held] if held else waiting

    async def _store_commits(self) -> None:
        while True:
            while not self._done:
                await self._asked.rung()
            async with self._turns:
                pass  # deltas on their way come first
            records = self._take_bound()
            ops, self._ops = self._ops, []
            then, self._then = self._then, []
            done, self._done = self._done, []
            if records or ops:
                await self._save(records, ops)
                for count in then:
                    count()
                self._show(records)
            self._stored = set()
            self._more.ring()  # what came of these runs meanwhile
            for waiter in done:
                if not waiter.done():
                    waiter.set_result(None)

    def _take_bound(self) -> list[Record]:
        """What waits of the runs with a commit; everything, if somebody waits for that."""
        if self._everything:
            records, self._records = self._records, []
            self._everything = False
            self._stored = {record[0] for record in records}
        else:
            bound = self._stored = self._bound
            records = [record for record in self._records if record[0] in bound]
            self._records = [record for record in self._records if record[0] not in bound]
        self._bound = set()
        return records

    def _show(self, records: list[Record]) -> None:
        for record in records:
            self._bytes -= len(record[4])
        if not self._room.is_set():
            self._room.set()
        _publish(records, self._logs)

    async def _save(self, records: list[Record], ops: list[Op]) -> None:
        self._reach("append.before")
        way = "commit" if ops else "append"
        tries = 0
        while True:
            started = time.perf_counter()
            try:
                if ops:
                    await self._store.commit(records, ops)
                else:
                    await self._store.append(records)
            except StoreUnavailable as refused:
                worked = not self._refused
                self._refused.setdefault(way, time.monotonic())
                if worked:
                    _log.warning("the store is unavailable, runs pause: %s", refused)
                    self.on_unavailable()
                await asyncio.sleep(RETRY_SECONDS[min(tries, len(RETRY_SECONDS) - 1)])
                tries += 1
                continue
            if (since := self._refused.pop(way, None)) is not None and not self._refused:
                _log.warning("the store is back after %.1f s", time.monotonic() - since)
            self.observe(_events(records), time.perf_counter() - started)
            self._reach("append.after")
            return

    async def _for_ever(self, work: Coroutine[None, None, None]) -> None:
        try:
            await work
        except Exception as why:  # noqa: BLE001 - runs would wait for ever, and nobody would know of what
            for task in self._tasks:
                if task is not asyncio.current_task():
                    task.cancel()
            self._on_failure(why)

    async def close(self) -> None:
        """Flush what is left and stop; a store that stays away is not waited for."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await self.flushed()
        await self.stop()

    async def stop(self) -> None:
        """Stop at once; what waits is not stored."""
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks)


def _events(records: list[Record]) -> int:
    count = len(records)
    for record in records:
        count += record[4].count(b"\n")
    return count


def _publish(records: list[Record], logs: dict[int, RunLog]) -> None:
    by_run: dict[int, list[Record]] = {}
    for record in records:
        own = by_run.get(record[0])
        if own is None:
            by_run[record[0]] = [record]
        else:
            own.append(record)
    for run_no, own in by_run.items():
        log = logs[run_no]
        log.publish(own)
        if log.ended:
            del logs[run_no]


class _Bell:
    """Wakes the one who waits for it; nobody is woken who waits later."""

    def __init__(self) -> None:
        self.waiting: asyncio.Future[None] | None = None

    def ring(self) -> None:
        if self.waiting is not None and not self.waiting.done():
            self.waiting.set_result(None)

    async def rung(self) -> None:
        self.waiting = asyncio.get_running_loop().create_future()
        try:
            await self.waiting
        finally:
            self.waiting = None
