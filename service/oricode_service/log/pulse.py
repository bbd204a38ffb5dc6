"""One timer for all heartbeats: a wheel of readers, each looked at once an interval.

A heartbeat is due when nothing was written for the interval. The wheel ticks 15 times an interval, so a beat is at most
a fifteenth late, and a reader that writes all the time costs one look per interval and no timer of its own.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

SLOTS = 16
_TICKS_PER_INTERVAL = SLOTS - 1
_AT_ONCE = 200
"""Beats without a pause, when everybody is to be told something."""
_PAUSE = 0.01


class Sleeper(Protocol):
    """What the wheel looks at."""

    wrote_at: float
    """Loop time of the last write."""
    closed: bool

    def beat(self) -> None:
        """Called when a heartbeat is due."""
        ...


class Pulse:
    """The wheel. ``interval`` in seconds."""

    def __init__(self, interval: float) -> None:
        self.interval = interval
        self._tick = interval / _TICKS_PER_INTERVAL
        self._slots: list[list[Sleeper]] = [[] for _ in range(SLOTS)]
        self._place = 0
        self._timer: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()

    def add(self, sleeper: Sleeper) -> None:
        """Watch ``sleeper`` until it is closed."""
        self._slots[(self._place + _TICKS_PER_INTERVAL) % SLOTS].append(sleeper)
        if self._timer is None:
            self._timer = self._loop.call_later(self._tick, self._turn)

    def _turn(self) -> None:
        self._timer = self._loop.call_later(self._tick, self._turn)
        self._place = (self._place + 1) % SLOTS
        due, self._slots[self._place] = self._slots[self._place], []
        now = self._loop.time()
        for sleeper in due:
            if sleeper.closed:
                continue
            left = sleeper.wrote_at + self.interval - now
            if left <= self._tick / 2:
                sleeper.beat()
                left = self.interval
            ticks = min(max(1, round(left / self._tick)), _TICKS_PER_INTERVAL)
            self._slots[(self._place + ticks) % SLOTS].append(sleeper)

    def beat_all(self) -> None:
        """A beat for everybody outside the rhythm, some at a time: there is something to tell."""
        everybody = [sleeper for slot in self._slots for sleeper in slot]
        for place in range(0, len(everybody), _AT_ONCE):
            self._loop.call_later(place // _AT_ONCE * _PAUSE, _beat, everybody[place : place + _AT_ONCE])

    def close(self) -> None:
        """Stop ticking."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _beat(sleepers: list[Sleeper]) -> None:
    for sleeper in sleepers:
        if not sleeper.closed:
            sleeper.beat()
