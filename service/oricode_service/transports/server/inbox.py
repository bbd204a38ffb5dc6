"""What a peer sent and the application has not taken yet: ``asyncio.Queue`` in a hundredth of its memory.

It needs no bound of its own: its owner stops reading while anything is in it, and limits what may come at once.
"""

from __future__ import annotations

from typing import Any

from .bell import Bell


class Inbox:
    """First in, first out; one taker. (An ``asyncio.Queue`` holds four deques of 760 bytes.)"""

    __slots__ = ("_bell", "_events")

    def __init__(self) -> None:
        self._events: list[Any] = []
        self._bell = Bell()

    def empty(self) -> bool:
        """Whether there is nothing to take."""
        return not self._events

    def put_nowait(self, event: Any) -> None:
        """Add ``event``."""
        self._events.append(event)
        self._bell.set()

    async def get(self) -> Any:
        """The oldest event; waits for one."""
        while not self._events:
            await self._bell.wait()
        event = self._events.pop(0)
        if not self._events:
            self._bell.clear()
        return event
