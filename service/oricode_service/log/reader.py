"""A reader: takes what is visible behind its cursor, a page at a time, and says when there is nothing to take.

In: a :class:`RunLog` and a cursor. Out of :meth:`Reader.next`: a page of records, or one of three words: ``BEAT``
(quiet for the interval), ``CLOSE`` (the service wants the connection closed, the run goes on), ``END`` (the terminal
event was taken, or the reader was closed). A slow reader costs nothing and delays nobody: between pages it holds no
data. All transports use it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from enum import Enum
from typing import Literal

from ..store.port import LogStore, StoreUnavailable
from ..store.rows import Record
from .coalesce import Window
from .pulse import Pulse
from .run_log import DELTAS, PAGE_BYTES, RunLog

EAGER_PAGES = 4
"""Given in one go; whoever has more to take lets others run in between."""
RETRY_SECONDS = 0.5
"""Between two attempts to read a store that is unavailable."""


class Word(Enum):
    """What :meth:`Reader.next` says when it has no records."""

    BEAT = "beat"
    CLOSE = "close"
    END = "end"


class Reader:
    """A cursor on a log. Not for two tasks at once."""

    __slots__ = (
        "_beat", "_busy", "_loop", "_store", "_turn", "_waiting", "close_reason", "closed", "cursor", "eager", "log",
        "window", "wrote_at",
    )  # fmt: skip

    def __init__(self, log: RunLog, store: LogStore, pulse: Pulse, after: int) -> None:
        self.log = log
        self.cursor = after
        """Seq of the last record taken."""
        self.wrote_at = asyncio.get_running_loop().time()
        self.closed = False
        self.close_reason: str | None = None
        """Set by :meth:`ask_to_close`."""
        self.window: Window | None = None
        """Set to have deltas held and joined; None = each event as it comes."""
        self.eager: Callable[[list[Record] | Literal[Word.BEAT]], bool] | None = None
        """Given each page and each beat at its moment, while :meth:`next` waits: no task has to be woken for it.

        Must not block; returns whether it took it, else :meth:`next` returns it. What it raises, :meth:`next` raises.
        """
        self._store = store
        self._loop = asyncio.get_running_loop()
        self._waiting: asyncio.Future[None] | None = None
        self._beat = False
        self._busy = False
        self._turn = -1
        """Of the window; equal to the window's = held."""
        pulse.add(self)

    async def next(self) -> list[Record] | Word:
        """The next page, or a word. Yields to other tasks between pages."""
        while True:
            if self.log.torn and self.close_reason is None:
                self.close_reason = "gap"
            if self.closed:
                return Word.END
            if self.close_reason is not None:
                return Word.CLOSE
            if self.cursor < self.log.visible and not self._held:
                if self._busy:  # a page was taken without waiting: let the others run first
                    await asyncio.sleep(0)
                page = self.log.recent(self.cursor)
                if page is None:
                    try:
                        page = _upto(await self._store.read(self.log.run_no, self.cursor, PAGE_BYTES), self.log.visible)
                    except StoreUnavailable:
                        if (word := await self._pause()) is not None:
                            return word
                        continue
                self._busy = True
                if page:
                    self._took(page)
                    return page if self.window is None else self.window.joined(page)
                raise LogTrimmed  # retention took the events while they were being read
            self._busy = False
            if self.log.ended:
                return Word.END
            if self._beat:
                self._beat = False
                return Word.BEAT
            await self._wait()

    @property
    def _held(self) -> bool:
        """Whether what is visible behind the cursor has to wait for the end of the window."""
        return self.window is not None and self._turn == self.window.turn

    def _took(self, page: list[Record]) -> None:
        self.cursor = page[-1][1]
        if self.window is not None:  # whoever is behind is not held
            new = page[-1][3] in DELTAS and self.cursor == self.log.visible
            self._turn = self.window.begin() if new else -1

    async def _pause(self) -> Word | None:
        """Wait a moment for the store; heartbeats go on meanwhile."""
        timer = self._loop.call_later(RETRY_SECONDS, self._wake)
        try:
            await self._wait()
        finally:
            timer.cancel()
        beat, self._beat = self._beat, False
        return Word.BEAT if beat else None

    async def _wait(self) -> None:
        self._waiting = self._loop.create_future()
        self._listen()
        try:
            await self._waiting
        finally:
            self.log.forget(self._changed)
            if self.window is not None:
                self.window.forget(self._changed)
            self._waiting = None

    def _listen(self) -> None:
        if self.window is not None and self._held:
            self.window.on_end(self._changed)
        else:
            self.log.on_change(self._changed)

    def _changed(self) -> None:
        """The log's call, or the window's."""
        if self._given():
            self._listen()
        else:
            self._wake()

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    def _given(self) -> bool:
        """Whether ``eager`` took all there is to say, or there is nothing."""
        log, window, eager, waiting = self.log, self.window, self.eager, self._waiting
        if eager is None or waiting is None or waiting.done():
            return False
        if self.closed or log.torn or self.close_reason is not None:
            return False
        try:
            pages = 0
            # _held, written out: all viewers of a run come by here, one after the other.
            while self.cursor < log.visible and (window is None or self._turn != window.turn):
                page = log.recent(self.cursor)
                if page is None or pages == EAGER_PAGES or not eager(page if window is None else window.joined(page)):
                    return False
                self._took(page)
                pages += 1
            if self._beat and not pages and eager(Word.BEAT):
                self._beat = False
            return not self._beat and not log.ended
        except Exception as error:  # noqa: BLE001 - a viewer's trouble is its own, not that of who writes the log
            if not waiting.done():  # it may have closed this reader as well
                waiting.set_exception(error)
        return False

    def wrote(self) -> None:
        """To be called after each write: the next heartbeat is an interval away."""
        self.wrote_at = self._loop.time()

    def beat(self) -> None:
        """The pulse's call."""
        self._beat = True
        if not self._given():
            self._wake()

    def ask_to_close(self, reason: str) -> None:
        """Make the next answer ``CLOSE``."""
        self.close_reason = reason
        self._wake()

    def close(self) -> None:
        """The reader is not used any more."""
        self.closed = True
        self.eager = None  # it knows this reader: a circle that would keep the log until a collection
        self._wake()


def _upto(page: list[Record], visible: int) -> list[Record]:
    """What of ``page`` may be seen: the store has a commit a moment before the log shows it."""
    if not page or page[-1].seq <= visible:
        return page
    return [record.only(visible + 1 - record.first) for record in page if record.first <= visible]


class LogTrimmed(Exception):
    """The events behind the cursor are gone (retention)."""
