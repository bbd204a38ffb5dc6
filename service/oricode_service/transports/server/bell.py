"""``asyncio.Event`` for objects that exist by the thousand: the same calls, no memory to speak of."""

from __future__ import annotations

import asyncio
from typing import Literal


class Bell:
    """Rung or not; ``wait`` returns once it is. (An ``asyncio.Event`` holds a deque of 760 bytes from the start.)"""

    __slots__ = ("_rung", "_waiting")

    def __init__(self, rung: bool = False) -> None:
        self._rung = rung
        self._waiting: list[asyncio.Future[None]] | None = None
        """None while nobody waits."""

    def is_set(self) -> bool:
        """Whether it is rung."""
        return self._rung

    def set(self) -> None:
        """Ring, and let everybody go who waits."""
        self._rung = True
        for waiting in self._waiting or ():
            if not waiting.done():
                waiting.set_result(None)

    def clear(self) -> None:
        """Stop ringing."""
        self._rung = False

    async def wait(self) -> Literal[True]:
        """Until it is rung; at once when it is."""
        if self._rung:
            return True
        future = asyncio.get_running_loop().create_future()
        if self._waiting is None:
            self._waiting = []
        self._waiting.append(future)
        try:
            await future
        finally:
            self._waiting.remove(future)
            if not self._waiting:
                self._waiting = None
        return True
