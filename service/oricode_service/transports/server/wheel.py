"""One timer for every deadline of every connection.

In: members, and when to look at each. Out: a call of the member's ``due`` at that time, or up to one tick later. A
member stands in one slot only, the earliest time at which anything of it may be due; what it finds there is its own
affair, and looking in vain is cheap. So setting a deadline costs a set operation, not a timer, and thousands of
connections cost one wake-up a tick. Knows nothing about connections; time comes from the loop.
"""

from __future__ import annotations

import asyncio
from math import ceil, inf
from typing import Protocol

BATCH = 256
"""Members looked at before other tasks get a turn."""
NOWHERE = -1


class Member(Protocol):
    """What stands in a slot."""

    slot: int
    """Owned by the wheel; ``NOWHERE`` when in no slot."""

    def due(self, now: float) -> None:
        """Called once; must ask for the next time itself."""
        ...


class Wheel:
    """Slots of members by the tick at which they are due. ``tick`` in seconds."""

    def __init__(self, tick: float) -> None:
        self._tick = tick
        self._slots: dict[int, set[Member]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.Handle | None = None
        self._next = 0
        """The first tick with members not yet looked at."""
        self._floor = 0
        """The earliest tick that may still be asked for: one that asks for the past must not be looked at for ever."""

    def __len__(self) -> int:
        return sum(map(len, self._slots.values()))

    def start(self) -> None:
        """Begin to turn, on the running loop."""
        self._loop = asyncio.get_running_loop()
        self._next = self._floor = int(self._loop.time() / self._tick)
        self._arm()

    def stop(self) -> None:
        """Turn no more; members stay where they are."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def at(self, member: Member, when: float) -> None:
        """Look at ``member`` at ``when``, unless it is looked at earlier anyway. ``inf`` = no wish."""
        if when == inf:
            return
        slot = max(ceil(when / self._tick), self._floor)
        if member.slot == NOWHERE or slot < member.slot:
            self.forget(member)
            member.slot = slot
            self._slots.setdefault(slot, set()).add(member)

    def forget(self, member: Member) -> None:
        """Look at ``member`` no more."""
        if member.slot != NOWHERE:
            members = self._slots[member.slot]
            members.discard(member)
            if not members:
                del self._slots[member.slot]
            member.slot = NOWHERE

    def turn(self, now: float) -> bool:
        """Look at up to ``BATCH`` members that are due at ``now``; True when more of them are waiting."""
        last = int(now / self._tick)
        self._floor = last + 1
        for _ in range(BATCH):
            while self._next <= last and self._next not in self._slots:
                self._next += 1
            if self._next > last:
                return False
            members = self._slots[self._next]
            member = members.pop()
            member.slot = NOWHERE
            if not members:
                del self._slots[self._next]
            member.due(now)
        return True

    def _arm(self) -> None:
        assert self._loop is not None
        left = (int(self._loop.time() / self._tick) + 1) * self._tick - self._loop.time()
        self._timer = self._loop.call_later(max(left, 0.0), self._turn)

    def _turn(self) -> None:
        assert self._loop is not None
        self._arm()  # first: a failure in a member must not stop the wheel
        if self.turn(self._loop.time()) and self._timer is not None:
            self._timer.cancel()
            self._timer = self._loop.call_soon(self._turn)
