"""Joining neighbouring deltas for readers that asked for ``batch_ms``.

The first delta goes at once and begins a window; then deltas are held to its end, and any other event ends it. A joined
delta carries the id of its last member, so every cursor stays exact. The log is not changed; only these readers see it
so, and those of one run share the window: one timer, one wake-up, and what was joined.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from itertools import groupby
from operator import itemgetter
from weakref import WeakValueDictionary

from oricode_protocol import codec

from ..store.rows import Record
from .run_log import DELTAS, RunLog

_FIELD = {"content": "text", "thinking": "text", "tool_input": "partial_json"}


def window_of(log: RunLog, seconds: float) -> Window:
    """The window of this length that all readers of ``log`` share."""
    if log.windows is None:
        log.windows = WeakValueDictionary()
    return log.windows.setdefault(seconds, Window(log, seconds))


class Window:
    """Holds readers that have taken a delta until it ends; the log of a reader holds it weakly."""

    __slots__ = ("__weakref__", "_joined", "_log", "_loop", "_seconds", "_timer", "_waiters", "turn")

    def __init__(self, log: RunLog, seconds: float) -> None:
        self.turn = 0
        """Rises when a window ends: a reader is held while it is what :meth:`begin` told it."""
        self._log = log
        self._seconds = seconds
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._waiters: dict[Callable[[], None], None] = {}
        self._joined: tuple[int, int, list[Record]] | None = None
        """Seqs and what they became when they were joined last."""

    def begin(self) -> int:
        """A reader has taken a delta; it joins the window that runs, if there is one."""
        if self._timer is None:
            self._timer = self._loop.call_later(self._seconds, self._end)
            self._log.on_solid(self._end)
        return self.turn

    def on_end(self, wake: Callable[[], None]) -> None:
        """Call ``wake`` once, when the window that runs has ended."""
        self._waiters[wake] = None

    def forget(self, wake: Callable[[], None]) -> None:
        """Take a waiter back."""
        self._waiters.pop(wake, None)

    def _end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._log.forget(self._end)
        self.turn += 1
        waiters, self._waiters = self._waiters, {}
        for wake in waiters:
            wake()

    def joined(self, page: list[Record]) -> list[Record]:
        """:func:`join`; readers who have the same page get the same."""
        first, last = page[0].first, page[-1].seq
        held = self._joined
        if held is None or held[:2] != (first, last):
            held = self._joined = (first, last, join(page))
        return held[2]


def join(page: list[Record]) -> list[Record]:
    """``page`` with runs of deltas of one block joined into the last of each."""
    if len(page) == 1 and b"\n" not in page[0].data:
        return page
    return [_joined([event for _, event in events]) for _, events in groupby(_apart(page), itemgetter(0))]


def _apart(page: list[Record]) -> Iterator[tuple[object, Record]]:
    """Each delta by itself, with what names its block: a stored record may hold neighbours of several blocks."""
    for record in page:
        if record.event not in DELTAS:
            yield record.seq, record
            continue
        for seq, line in enumerate(record.datas(), record.first):
            data = codec.loads(line)
            block = record.event, record.epoch, data["index"], data.get("tool_call_id")
            yield block, record._replace(seq=seq, data=line)


def _joined(records: list[Record]) -> Record:
    if len(records) == 1:
        return records[0]
    field = _FIELD[records[0].event]
    datas = [codec.loads(record.data) for record in records]
    text = "".join(data[field] for data in datas)
    return records[-1]._replace(data=codec.dumps({**datas[0], field: text}))
