"""Heartbeats by a clock that only the test moves."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from functools import partial
from itertools import count
from typing import Any

import pytest
from oricode_service.log.pulse import Pulse

INTERVAL = 15.0


class Clock:
    """What the wheel needs of an event loop."""

    def __init__(self) -> None:
        self.now = 1000.0
        self._calls: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()

    def time(self) -> float:
        return self.now

    def call_later(self, delay: float, call: Callable[..., None], *given: Any) -> Any:
        heapq.heappush(self._calls, (self.now + delay, next(self._order), partial(call, *given)))
        return self

    def cancel(self) -> None:
        self._calls.clear()

    def advance(self, seconds: float) -> None:
        """Let time pass; everything due on the way is called at its time."""
        until = self.now + seconds
        while self._calls and self._calls[0][0] <= until:
            self.now, _, call = heapq.heappop(self._calls)
            call()
        self.now = until


class Sleeper:
    """A reader that only counts."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.wrote_at = clock.now
        self.closed = False
        self.beats: list[float] = []

    def beat(self) -> None:
        self.beats.append(self._clock.now)
        self.wrote_at = self._clock.now  # as a transport does: the heartbeat is a write


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def pulse(clock: Clock) -> Pulse:
    made = Pulse(INTERVAL)
    made._loop = clock  # type: ignore[assignment]
    return made


async def test_a_quiet_reader_beats_once_an_interval_and_at_most_a_fifteenth_late(clock: Clock, pulse: Pulse) -> None:
    sleeper = Sleeper(clock)
    began = clock.now
    pulse.add(sleeper)
    clock.advance(3600)
    gaps = [b - a for a, b in zip([began, *sleeper.beats], sleeper.beats, strict=False)]
    assert len(sleeper.beats) >= 3600 / INTERVAL * 15 / 16 - 1
    assert max(gaps) <= INTERVAL * 16 / 15
    assert min(gaps) >= INTERVAL * 14 / 15


async def test_a_reader_that_writes_does_not_beat(clock: Clock, pulse: Pulse) -> None:
    sleeper = Sleeper(clock)
    pulse.add(sleeper)
    for _ in range(1000):
        clock.advance(INTERVAL / 2)
        sleeper.wrote_at = clock.now
    assert sleeper.beats == []


async def test_silence_counts_from_the_last_write(clock: Clock, pulse: Pulse) -> None:
    for quiet_from in range(1, 60):
        sleeper = Sleeper(clock)
        pulse.add(sleeper)
        clock.advance(quiet_from / 3)
        sleeper.beats.clear()
        wrote = sleeper.wrote_at = clock.now
        clock.advance(INTERVAL * 16 / 15 + 0.001)
        assert sleeper.beats, f"silent for an interval since {quiet_from / 3}"
        assert sleeper.beats[0] - wrote >= INTERVAL * 14 / 15
        sleeper.closed = True


async def test_a_closed_reader_is_forgotten(clock: Clock, pulse: Pulse) -> None:
    sleeper = Sleeper(clock)
    pulse.add(sleeper)
    sleeper.closed = True
    clock.advance(10 * INTERVAL)
    assert sleeper.beats == []
    assert not any(pulse._slots)


async def test_many_readers_cost_one_timer(clock: Clock, pulse: Pulse) -> None:
    sleepers = [Sleeper(clock) for _ in range(1000)]
    for sleeper in sleepers:
        pulse.add(sleeper)
    assert len(clock._calls) == 1
    clock.advance(10 * INTERVAL)
    assert len(clock._calls) == 1
    assert {len(sleeper.beats) for sleeper in sleepers} <= {9, 10}


async def test_a_closed_pulse_is_silent(clock: Clock, pulse: Pulse) -> None:
    sleeper = Sleeper(clock)
    pulse.add(sleeper)
    pulse.close()
    clock.advance(10 * INTERVAL)
    assert sleeper.beats == []


async def test_news_for_everybody_are_told_outside_the_rhythm_some_at_a_time(clock: Clock, pulse: Pulse) -> None:
    sleepers = [Sleeper(clock) for _ in range(1000)]
    for sleeper in sleepers:
        pulse.add(sleeper)
    sleepers[0].closed = True
    began = clock.now
    pulse.beat_all()
    clock.advance(1)
    assert sleepers[0].beats == []
    assert all(len(sleeper.beats) == 1 for sleeper in sleepers[1:])
    times = [sleeper.beats[0] - began for sleeper in sleepers[1:]]
    assert max(times) < 0.1
    assert len(set(times)) == 5, "the loop was free in between"
