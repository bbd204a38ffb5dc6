"""The shared timer, turned by hand."""

from __future__ import annotations

import asyncio
from math import inf

import pytest
from oricode_service.transports.server.wheel import BATCH, NOWHERE, Wheel


class Member:
    """Remembers when it was looked at; asks again after ``again`` seconds, if any."""

    def __init__(self, wheel: Wheel, again: float | None = None) -> None:
        self.slot = NOWHERE
        self.looks: list[float] = []
        self._wheel = wheel
        self._again = again

    def due(self, now: float) -> None:
        self.looks.append(now)
        if self._again is not None:
            self._wheel.at(self, now + self._again)


@pytest.fixture
def wheel() -> Wheel:
    return Wheel(1.0)


def test_a_member_is_looked_at_once_and_not_too_early(wheel: Wheel) -> None:
    member = Member(wheel)
    wheel.at(member, 2.5)
    for now in (1.0, 2.0, 2.9, 3.0, 4.0):
        wheel.turn(now)
    assert member.looks == [3.0]
    assert len(wheel) == 0


def test_only_the_earliest_wish_counts(wheel: Wheel) -> None:
    member = Member(wheel)
    for when in (9.0, 3.0, 5.0, inf):
        wheel.at(member, when)
    wheel.turn(10.0)
    assert member.looks == [10.0]
    assert len(wheel) == 0


def test_a_forgotten_member_is_not_looked_at(wheel: Wheel) -> None:
    member, other = Member(wheel), Member(wheel)
    wheel.at(member, 3.0)
    wheel.at(other, 3.0)
    wheel.forget(member)
    wheel.forget(member)
    wheel.turn(4.0)
    assert (member.looks, other.looks) == ([], [4.0])


def test_a_member_that_asks_for_the_past_does_not_stop_time(wheel: Wheel) -> None:
    member = Member(wheel, again=-100)
    wheel.at(member, 1.0)
    assert wheel.turn(1.0) is False
    assert wheel.turn(2.0) is False
    assert member.looks == [1.0, 2.0]


def test_many_that_are_due_at_once_are_looked_at_in_batches(wheel: Wheel) -> None:
    members = [Member(wheel) for _ in range(2 * BATCH + 1)]
    for member in members:
        wheel.at(member, 1.0)
    seen = []
    while wheel.turn(1.0):
        seen.append(sum(len(member.looks) for member in members))
    assert seen == [BATCH, 2 * BATCH]
    assert all(member.looks == [1.0] for member in members)


async def test_a_member_that_fails_does_not_stop_the_others() -> None:
    wheel = Wheel(0.01)
    failures: list[object] = []
    looked = asyncio.Event()

    class Failing(Member):
        def due(self, now: float) -> None:
            raise ValueError("a bug")

    class Last(Member):
        def due(self, now: float) -> None:
            looked.set()

    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: failures.append(context["exception"]))
    wheel.start()
    wheel.at(Failing(wheel), loop.time())
    wheel.at(Last(wheel), loop.time() + 0.05)
    async with asyncio.timeout(5):
        await looked.wait()
    wheel.stop()
    assert [str(failure) for failure in failures] == ["a bug"]
