"""Follows the logs that other processes write, for the readers that sit here.

In: hints of the store, and logs to follow. Out: ``publish`` on these logs, in order and without holes. One read is in
flight, whatever the number of logs; a log is followed as long as somebody holds it and it has no end. Hints may be
lost: the store asks for a look at everything now and then.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from weakref import WeakValueDictionary

from ..store.port import LogStore, StoreUnavailable
from ..store.rows import Record
from .run_log import RunLog

_RETRY_SECONDS = 0.5
_log = logging.getLogger(__name__)


class Follower:
    """One per process, when there are other processes. Belongs to the event loop's thread."""

    def __init__(self, store: LogStore) -> None:
        self._store = store
        self._logs: WeakValueDictionary[int, RunLog] = WeakValueDictionary()
        self._dirty: set[int] = set()
        self._wake = asyncio.Event()
        self.unavailable = False
        """True while the store refuses to be read."""
        self.on_unavailable: Callable[[], None] = lambda: None
        """Told when that begins."""

    def add(self, log: RunLog) -> None:
        """Follow ``log`` behind what is visible of it, beginning with a read at once."""
        self._logs[log.run_no] = log
        self._mark({log.run_no})

    def drop(self, run_no: int) -> None:
        """Do not follow this log any more: this process writes it itself."""
        self._logs.pop(run_no, None)

    def __contains__(self, run_no: int) -> bool:
        return run_no in self._logs

    async def run(self) -> None:
        """Follow, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._listen())
            group.create_task(self._read_on())

    async def _listen(self) -> None:
        async for runs in self._store.watch():
            self._mark(set(self._logs) if runs is None else {run_no for run_no in runs if run_no in self._logs})

    def _mark(self, run_nos: set[int]) -> None:
        if run_nos:
            self._dirty |= run_nos
            self._wake.set()

    async def _read_on(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            dirty, self._dirty = self._dirty, set()
            logs = [log for run_no in dirty if (log := self._logs.get(run_no)) is not None]
            if not logs:
                continue
            try:
                await self._catch_up({log.run_no: log.visible for log in logs})
                self.unavailable = False
            except StoreUnavailable as trouble:
                began, self.unavailable = not self.unavailable, True
                if began:
                    _log.warning("the logs of other processes cannot be read: %s", trouble)
                    self.on_unavailable()
                self._mark(dirty)
                await asyncio.sleep(_RETRY_SECONDS)

    async def _catch_up(self, cursors: dict[int, int]) -> None:
        by_run: dict[int, list[Record]] = {}
        for record in await self._store.tail(cursors):
            by_run.setdefault(record.run_no, []).append(record)
        self._mark(set(by_run))  # there may be more than one read brings
        for run_no, records in by_run.items():
            torn = await self._is_torn(run_no, records)
            log = self._logs.get(run_no)
            if log is None:
                continue
            if torn:
                self.drop(run_no)
                log.tear()
                continue
            # It may have jumped meanwhile.
            fresh = [record.behind(log.visible) for record in records if record.seq > log.visible]
            if fresh and fresh[0].first == log.visible + 1:
                log.publish(fresh)
            if log.ended:
                self.drop(run_no)

    async def _is_torn(self, run_no: int, records: list[Record]) -> bool:
        """Whether events that were visible here are gone: another epoch wrote their places anew.

        That takes a database that lost its last moments together with the process that wrote them.
        """
        log = self._logs.get(run_no)
        if log is None or log.epoch == 0:
            return False
        seq, epoch = log.visible, log.epoch
        if records[0].first > seq + 1 or records[0].epoch == epoch:
            return False
        return await self._store.epoch_of(run_no, seq) != epoch
