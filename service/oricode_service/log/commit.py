"""The group commit: everything the process appended since the last flush becomes durable and visible together.

In: records of any run, with or without operations that need an fsync. Out: ``publish`` on the runs' logs, after the
store has them and never before. Self-clocking: idle, a flush starts at once; busy, whatever gathered meanwhile is the
next one. When the store is unavailable it tries again until it is back: nothing is shown, nothing is lost.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Sequence

from ..store.port import Fenced, LogStore, StoreUnavailable
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
        on_fenced: Callable[[Fenced], None],
        reach: Callable[[str], None] = lambda name: None,
        pace: float = 0.0,
    ) -> None:
        """``reach`` is told the names of the failpoints around each save.

        ``pace``: seconds between the beginnings of two flushes of deltas, for a store to which each is a round trip;
        the first one after a pause goes at once, and whoever waits for a flush makes it go at once.
        """
        self._store = store
        self._reach = reach
        self._pace = pace
        self._flushed_at = 0.0
        """Loop time of the last flush's beginning."""
        self._resting: asyncio.Future[None] | None = None
        self._on_fenced = on_fenced
        self._records: list[Record] = []
        self._logs: dict[int, RunLog] = {}
        self._ops: list[Op] = []
        self._done: list[asyncio.Future[None]] = []
        self._bytes = 0
        self._idle: asyncio.Future[None] | None = None
        self._room: asyncio.Event = asyncio.Event()
        self._room.set()
        self._task = asyncio.get_running_loop().create_task(self._run(), name="group commit")
        self.unavailable_since: float | None = None
        """Monotonic time since when the store refuses; None while it works."""
        self.observe: Callable[[int, float], None] = lambda size, seconds: None
        """Told after each flush: events in it, seconds it took."""
        self.on_unavailable: Callable[[], None] = lambda: None
        """Told when the store begins to refuse."""

    def append(self, log: RunLog, record: Record) -> None:
        """Add an event; it becomes visible with the next flush."""
        self._records.append(record)
        self._logs[record[0]] = log
        self._bytes += len(record[4])
        if self._idle is not None:
            self._wake()

    async def commit(self, log: RunLog, records: Sequence[Record], ops: Sequence[Op]) -> None:
        """Add events and operations, and return when they are fsynced and visible."""
        self._records += records
        if records:
            self._logs[log.run_no] = log
        self._ops += ops
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._done.append(done)
        self._wake()
        await done

    async def flushed(self) -> None:
        """Return when everything appended so far is visible."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._done.append(done)
        self._wake()
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

    def _wake(self) -> None:
        if self._idle is not None:
            self._idle.set_result(None)
            self._idle = None
        if self._resting is not None and self._done:
            self._rested()

    def _rested(self) -> None:
        if self._resting is not None:
            self._resting.set_result(None)
            self._resting = None

    async def _rest(self, loop: asyncio.AbstractEventLoop) -> None:
        """Let deltas gather until the next flush is due."""
        left = self._flushed_at + self._pace - loop.time()
        if left > 0 and not self._done:
            self._resting = loop.create_future()
            timer = loop.call_later(left, self._rested)
            try:
                await self._resting
            finally:
                timer.cancel()
                self._resting = None
        self._flushed_at = loop.time()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            if not self._records and not self._done:
                self._idle = loop.create_future()
                await self._idle
            if self._pace:
                await self._rest(loop)
            records, self._records = self._records, []
            logs, self._logs = self._logs, {}
            ops, self._ops = self._ops, []
            done, self._done = self._done, []
            if records or ops:
                self._reach("append.before")
                try:
                    await self._save(records, ops)
                except Fenced as fenced:
                    self._on_fenced(fenced)
                    return
                self._reach("append.after")
                _publish(records, logs)
            self._bytes = 0 if not self._records else sum(len(record[4]) for record in self._records)
            self._room.set()
            for waiter in done:
                if not waiter.done():
                    waiter.set_result(None)

    async def _save(self, records: list[Record], ops: list[Op]) -> None:
        tries = 0
        while True:
            started = time.perf_counter()
            try:
                if ops:
                    await self._store.commit(records, ops)
                else:
                    await self._store.append(records)
            except StoreUnavailable as refused:
                if self.unavailable_since is None:
                    self.unavailable_since = time.monotonic()
                    _log.warning("the store is unavailable, runs pause: %s", refused)
                    self.on_unavailable()
                await asyncio.sleep(RETRY_SECONDS[min(tries, len(RETRY_SECONDS) - 1)])
                tries += 1
                continue
            if self.unavailable_since is not None:
                _log.warning("the store is back after %.1f s", time.monotonic() - self.unavailable_since)
                self.unavailable_since = None
            events = sum(record.data.count(b"\n") for record in records) + len(records)
            self.observe(events, time.perf_counter() - started)
            return

    async def close(self) -> None:
        """Flush what is left and stop; a store that stays away is not waited for."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await self.flushed()
        self._task.cancel()
        await asyncio.wait([self._task])


def _publish(records: list[Record], logs: dict[int, RunLog]) -> None:
    if len(logs) == 1:
        ((_, log),) = logs.items()
        log.publish(records)
        return
    by_run: dict[int, list[Record]] = {}
    for record in records:
        by_run.setdefault(record[0], []).append(record)
    for run_no, own in by_run.items():
        logs[run_no].publish(own)
