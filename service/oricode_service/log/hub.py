"""Finds the visible log of a run, whoever writes it: this process, another one, or nobody any more.

One RunLog per run and process, shared by all readers. Own runs are kept while they live; others as long as somebody
reads them. Logs written by other processes are tailed here, driven by the store's hints.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable
from weakref import WeakValueDictionary

from oricode_protocol import codec
from oricode_protocol.fold import Fold
from oricode_protocol.ids import Cursor

from ..store.port import LogStore, StoreUnavailable
from ..store.rows import LIVE, RunRow
from .commit import GroupCommit
from .follower import Follower
from .gaps import Gaps
from .pulse import Pulse
from .reader import Reader
from .run_log import PAGE_BYTES, RunLog

LINGER_SECONDS = 5.0
SETTLE_SECONDS = 5.0
"""A database that crashed gets its last moments back from their writer within this time, or not at all."""
LOOK_SECONDS = 0.1
TELL_SECONDS = 0.5
"""An outage that lasts longer is told to all viewers, who else would learn of it with their next heartbeat."""
TELL_AGAIN_SECONDS = 2.0
"""For those who came meanwhile."""


class Logs:
    """All logs this process has in hand."""

    def __init__(self, store: LogStore, commit: GroupCommit, pulse: Pulse, follower: Follower | None = None) -> None:
        """``follower`` None: no other process writes."""
        self.store = store
        self.commit = commit
        self.pulse = pulse
        self.gaps = Gaps()
        """Silences of the runs that this process writes."""
        self._follower = follower
        self._telling: asyncio.TimerHandle | None = None
        commit.on_unavailable = self._tell_soon
        if follower is not None:
            follower.on_unavailable = self._tell_soon
        self._own: dict[int, tuple[RunLog, int]] = {}
        """Run number -> log, and the epoch under which this process writes it."""
        self._open: WeakValueDictionary[int, RunLog] = WeakValueDictionary()

    def own(self, row: RunRow) -> RunLog:
        """The log of a run this process writes from now on."""
        log = self._open.get(row.no)
        if log is not None and log.visible > row.last_seq:  # somebody saw what the store has lost
            log.tear()
            log = None
        if log is None:
            log = RunLog(row.no, row.id, row.last_seq, ended=False)
            self._open[row.no] = log
        elif log.visible < row.last_seq:
            log.jump(row.last_seq, ended=False)
        if self._follower is not None:
            self._follower.drop(row.no)
        log.gaps = self.gaps
        self._own[row.no] = log, row.epoch
        return log

    def disown(self, run_no: int) -> None:
        """This process does not write the run any more; readers may go on.

        Kept a little longer, for a reader whose row was read just before the run ended.
        """
        asyncio.get_running_loop().call_later(LINGER_SECONDS, self._own.pop, run_no, None)

    def log(self, row: RunRow) -> RunLog:
        """The visible log of ``row``'s run. Raises StoreUnavailable when this process has lost it without knowing."""
        if row.no in self._own and row.epoch > self._own[row.no][1]:
            # Stopped for a while and woken up: it would take what the next owner wrote for a gap.
            raise StoreUnavailable("another instance has taken this run over")
        ended = row.status not in LIVE
        log = self._open.get(row.no)
        if log is None or log.torn:
            log = RunLog(row.no, row.id, row.last_seq, ended)
            self._open[row.no] = log
        elif row.no not in self._own and log.visible < row.last_seq:  # written elsewhere, and the row is newer
            log.jump(row.last_seq, ended)
        if not log.ended and row.no not in self._own and self._follower is not None and row.no not in self._follower:
            self._follower.add(log)
        return log

    def owns(self, run_no: int) -> bool:
        """Whether this process writes the run, or wrote its end just now."""
        return run_no in self._own

    def leave(self, run_nos: Iterable[int]) -> None:
        """Another process writes these from now on; readers here go on if there is a way to follow it."""
        for run_no in run_nos:
            self._own.pop(run_no, None)
            log = self._open.get(run_no)
            if self._follower is not None and log is not None and not (log.ended or log.torn):
                self._follower.add(log)

    def follow(self, follower: Follower) -> None:
        """From now on other processes write everything, the runs of this one included."""
        self._own.clear()
        self._follower = follower
        follower.on_unavailable = self._tell_soon
        for log in list(self._open.values()):
            if not log.ended and not log.torn and log.run_no not in follower:
                follower.add(log)

    def _tell_soon(self) -> None:
        if self._telling is None:
            self._telling = asyncio.get_running_loop().call_later(TELL_SECONDS, self._tell)

    def _tell(self) -> None:
        self._telling = None
        if self.unavailable:
            self.pulse.beat_all()
            self._telling = asyncio.get_running_loop().call_later(TELL_AGAIN_SECONDS, self._tell)

    @property
    def unavailable(self) -> bool:
        """True while the store refuses this process, for what it writes or for what it reads along."""
        follower = self._follower
        return self.commit.unavailable_since is not None or (follower is not None and follower.unavailable)

    def reader(self, log: RunLog, after: int) -> Reader:
        """A reader behind seq ``after``."""
        return Reader(log, self.store, self.pulse, after)

    async def holds(self, log: RunLog, cursor: Cursor) -> bool:
        """Whether the log has the event that ``cursor`` names, written by that epoch."""
        if cursor.at_start:
            return True
        if cursor.seq > log.visible and not await self._comes(log, cursor.seq):
            return False
        epoch = log.epoch_of(cursor.seq)
        if epoch is None:
            epoch = await self._stored_epoch(log, cursor.seq)
        return epoch == cursor.epoch

    async def _comes(self, log: RunLog, seq: int) -> bool:
        """Whether event ``seq``, which another process wrote and this one cannot see, is only late.

        A database that crashed may lack its last moments until their writer has written them again.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SETTLE_SECONDS):
                while log.visible < seq and self._follower is not None and log.run_no in self._follower:
                    changed = asyncio.Event()
                    log.on_change(changed.set)
                    await changed.wait()
        return log.visible >= seq

    async def _stored_epoch(self, log: RunLog, seq: int) -> int | None:
        """The epoch of event ``seq``, which was in the store once; it may be only late again, as in :meth:`_comes`."""
        loop = asyncio.get_running_loop()
        until = loop.time() + SETTLE_SECONDS
        while True:
            epoch = await self.store.epoch_of(log.run_no, seq)
            followed = self._follower is not None and log.run_no in self._follower
            if epoch is not None or not followed or loop.time() > until:
                return epoch
            await asyncio.sleep(LOOK_SECONDS)

    async def fold(self, log: RunLog) -> tuple[Fold, Cursor]:
        """The fold of everything visible now but ``done``, and the cursor it reaches. Yields between pages.

        The terminal event is left for the reader to deliver: a snapshot never swallows it.
        """
        folded = Fold()
        seq, epoch, upto = 0, 0, log.visible - log.ended
        while seq < upto:
            page = log.recent(seq) or await self.store.read(log.run_no, seq, PAGE_BYTES)
            if not page:
                break
            for record in page:
                if record.first > upto:
                    break
                datas = record.datas()[: upto + 1 - record.first]
                for data in datas:
                    folded.apply(record.event, codec.loads(data))
                seq, epoch = record.first + len(datas) - 1, record.epoch
            await asyncio.sleep(0)
        return folded, Cursor(log.run_id, epoch, seq) if seq else Cursor.start(log.run_id)
