"""Ends calls whose server has fallen silent: one timer for all of them.

In: calls, and since when each waits. Out: a call's ``expire``, once. A timer per call would have to be set anew
for each piece of data, which costs more than decoding it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

_LOOKS = 8
"""Looks per limit: a call is ended at most an eighth too late."""


class Waiting:
    """A call that is being watched."""

    __slots__ = ("expire", "since")

    def __init__(self, since: float, expire: Callable[[], None]) -> None:
        self.since = since
        """Loop time since when it waits for the server, ``inf`` when it does not; set by whoever reads."""
        self.expire = expire


class Silence:
    """The watch. Belongs to the event loop's thread."""

    def __init__(self, limit: float) -> None:
        """``limit``: seconds."""
        self._limit = limit
        self._calls: set[Waiting] = set()
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, expire: Callable[[], None]) -> Waiting:
        """Watch a call from now on."""
        loop = asyncio.get_running_loop()
        waiting = Waiting(loop.time(), expire)
        self._calls.add(waiting)
        if self._timer is None:
            self._timer = loop.call_later(self._limit / _LOOKS, self._look, loop)
        return waiting

    def end(self, waiting: Waiting) -> None:
        """The call is over."""
        self._calls.discard(waiting)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        for waiting in [waiting for waiting in self._calls if now - waiting.since >= self._limit]:
            self._calls.discard(waiting)
            waiting.expire()
        self._timer = loop.call_later(self._limit / _LOOKS, self._look, loop) if self._calls else None

    def close(self) -> None:
        """Watch no longer."""
        if self._timer is not None:
            self._timer.cancel()
