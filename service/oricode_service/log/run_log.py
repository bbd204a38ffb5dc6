"""What is visible of one run's log: a bounded tail in memory, the rest in the store.

In: records the store already has (:meth:`RunLog.publish`). Out: pages behind a cursor, and a wake-up for readers. It
does not know who wrote the records or who reads them.
"""

from __future__ import annotations

import time
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from operator import itemgetter
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakValueDictionary

from oricode_protocol.events import TERMINAL

from ..store.rows import Record, page_of
from .gaps import Gaps

if TYPE_CHECKING:
    from .coalesce import Window

PAGE_BYTES = 32 * 1024
"""On the wire, about: the frames around the events are counted."""
TAIL_BYTES = 64 * 1024
"""Kept in memory for readers that follow closely; anybody further behind reads the store."""
_RECORD_BYTES = 160
"""What a record weighs in memory beside its data, about: several times as much as the data of a small delta."""
DELTAS = frozenset(("content", "thinking", "tool_input"))
_NEAR = 8
"""Records."""
_SEQ = itemgetter(1)
_SHARED_BYTES = 4096
"""Pages that begin with more, or have many records, are not kept for the next viewer: every log would hold one."""
_Frames = TypeVar("_Frames", bytes, list[bytes])


class RunLog:
    """The visible log of one run in this process."""

    __slots__ = (
        "__weakref__",
        "_page",
        "_patient",
        "_tail",
        "_tail_bytes",
        "_waiters",
        "changed_at",
        "ended",
        "epoch",
        "framed",
        "gaps",
        "last_solid",
        "run_id",
        "run_no",
        "torn",
        "visible",
        "windows",
    )

    def __init__(self, run_no: int, run_id: str, visible: int = 0, ended: bool = False) -> None:
        self.run_no = run_no
        self.run_id = run_id
        self.visible = visible
        """Seq of the last event readers may see."""
        self.ended = ended
        """True when the visible log holds its terminal event."""
        self.epoch = 0
        """Of the last visible event; 0 when it did not come through here."""
        self.last_solid = visible
        """Seq of the last visible event that is no delta; coalescing readers hurry for these."""
        self.changed_at = time.monotonic()
        """When something became visible last (monotonic seconds)."""
        self.torn = False
        """True when visible events were lost: readers must resume, and learn of the gap."""
        self.gaps: Gaps | None = None
        """Where silences are counted; None while another process writes the run."""
        self._tail: list[Record] = []
        self._tail_bytes = 0
        self._waiters: dict[Callable[[], None], None] = {}
        self._patient: dict[Callable[[], None], None] = {}
        """Those that do not care for deltas."""
        self._page: tuple[int, int, list[Record]] | None = None
        """The cursor that asked last, what was visible then, and its page: viewers who keep up all ask the same."""
        self.framed: dict[str, tuple[list[Record], Any]] = {}
        """By transport, what was framed last and its frames; see :func:`framed`."""
        self.windows: WeakValueDictionary[float, Window] | None = None
        """By seconds, those of readers that coalesce; None = nobody ever did."""

    def publish(self, records: list[Record]) -> None:
        """Make stored records visible; they follow :attr:`visible` without a hole."""
        _, seq, epoch, event, _ = records[-1]
        solid = self.last_solid
        self._tail += records
        for record in records:
            self._tail_bytes += len(record[4]) + _RECORD_BYTES
            if record[3] not in DELTAS:
                self.last_solid = record[1]
        self.visible = seq
        self.epoch = epoch
        self.ended = event == TERMINAL
        now = time.monotonic()
        if self.gaps is not None:
            self.gaps.add(now - self.changed_at)
        self.changed_at = now
        if self._tail_bytes > 2 * TAIL_BYTES:
            self._trim()
        if self.last_solid > solid:
            self.wake()
        else:
            self._wake_readers()

    def jump(self, seq: int, ended: bool) -> None:
        """Make everything up to ``seq`` visible, without having it in memory: readers fetch it from the store."""
        self._tail.clear()
        self._tail_bytes = 0
        self._page = None
        self.visible = self.last_solid = seq
        self.epoch = 0
        self.ended = ended
        self.changed_at = time.monotonic()
        self.wake()

    def tear(self) -> None:
        """Visible events are gone from the store: send every reader back to resume."""
        self.torn = True
        self.wake()

    def _trim(self) -> None:
        drop = 0
        while self._tail_bytes > TAIL_BYTES:
            self._tail_bytes -= len(self._tail[drop][4]) + _RECORD_BYTES
            drop += 1
        del self._tail[:drop]

    def recent(self, after: int) -> list[Record] | None:
        """A page of records behind seq ``after`` from memory; None when they are only in the store."""
        held = self._page
        if held is not None and held[0] == after and held[1] == self.visible:
            return held[2]
        tail = self._tail
        if len(tail) > 1 and tail[-2][1] == after and tail[-1][1] == after + 1:  # one event, and a reader that keeps up
            page = [tail[-1]]
            self._page = after, self.visible, page
            return page
        if not tail or after < tail[0].first - 1:
            return None
        start = len(tail) - 1
        while start and tail[start - 1][1] > after:
            start -= 1
            if len(tail) - start > _NEAR:
                start = bisect_right(tail, after, key=_SEQ)
                break
        page = tail[start:]
        if len(page) == 1 and page[0][1] == after + 1:  # one event: whole, whatever its size
            page[0] = page[0].behind(after)
        else:
            page = page_of(page, after, PAGE_BYTES)
        self._page = after, self.visible, page
        return page

    def epoch_of(self, seq: int) -> int | None:
        """The epoch that wrote ``seq``, when it is in memory."""
        place = bisect_left(self._tail, seq, key=_SEQ)
        if place < len(self._tail) and self._tail[place].first <= seq:
            return self._tail[place].epoch
        return None

    def on_change(self, wake: Callable[[], None]) -> None:
        """Call ``wake`` once, at the next change."""
        self._waiters[wake] = None

    def on_solid(self, wake: Callable[[], None]) -> None:
        """Call ``wake`` once, at the next change that is not only deltas."""
        self._patient[wake] = None

    def forget(self, wake: Callable[[], None]) -> None:
        """Take a waiter back."""
        self._waiters.pop(wake, None)
        self._patient.pop(wake, None)

    def wake(self) -> None:
        """Wake all, also without news (close, drain)."""
        patient, self._patient = self._patient, {}
        for wake in patient:
            wake()
        self._wake_readers()

    def _wake_readers(self) -> None:
        waiters, self._waiters = self._waiters, {}
        for wake in waiters:
            wake()


def framed(log: RunLog, transport: str, page: list[Record], frame: Callable[[bytes, list[Record]], _Frames]) -> _Frames:
    """``page`` as ``frame`` writes it, given the run's id; viewers who have the same page share it."""
    held = log.framed.get(transport)
    if held is not None and held[0] is page:
        frames: _Frames = held[1]
        return frames
    made = frame(log.run_id.encode(), page)
    if len(page) <= _NEAR and len(page[0][4]) <= _SHARED_BYTES:
        log.framed[transport] = page, made
    return made
