"""The end of a process: in which order everything is given up, and who may stay until it is served.

In: SIGTERM, or a next process that is ready. Streams are asked to reconnect, runs are stopped and given up, the store
too when the next process waits for it. Where others go on with the runs, JSON answers stay until they are whole: nobody
can resume those. Out: how long connections may take to end, in seconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Collection
from dataclasses import dataclass

from .engine.runs import Engine
from .handover import Handover, tell_manager
from .log.follower import Follower
from .store.port import Store
from .transports.streams import Streams
from .transports.websocket import Connection

LAST_SECONDS = 2.0
"""For answers that stayed, once they are asked to end."""
EFFECT_SECONDS = 10.0
"""For effects in the air, at most, while everybody waits for the next process."""


@dataclass(frozen=True, slots=True)
class Leaving:
    """Everything that has an end; call it once."""

    engine: Engine
    streams: Streams
    sockets: Collection[Connection]
    store: Store
    follower: Follower | None
    """None: the store has one process at a time."""
    handover: Handover
    sweeping: asyncio.Task[None]
    """Writes to the store now and then."""
    grace_seconds: float
    answer_seconds: float
    """For JSON answers after a handover."""
    stack: contextlib.AsyncExitStack
    """Ends what is begun here, with the process."""

    async def __call__(self) -> float:
        """The server's call, when nobody new can connect."""
        loop = asyncio.get_running_loop()
        following = self.handover.next
        others = self.store.shared or following is not None
        last = min(self.grace_seconds, LAST_SECONDS)
        until = loop.time() + self.grace_seconds
        for_effects = self.grace_seconds / 2
        if following is None:
            tell_manager("STOPPING=1")
        else:
            for_effects = min(for_effects, EFFECT_SECONDS)
        self.streams.drain(answers_stay=others)
        await asyncio.gather(
            self.engine.drain(for_effects, lends=others), *(socket.leave("restart") for socket in list(self.sockets))
        )
        if following is None:
            stay = max(0.0, until - loop.time() - last)
        else:
            self.sweeping.cancel()
            await asyncio.wait([self.sweeping])
            await self.engine.end_lending()
            await self.store.give_up()
            following.take()
            stay = self.answer_seconds
            loop.add_signal_handler(signal.SIGTERM, self.streams.end_answers)
        if others:
            self._follow()
            self.stack.callback(loop.call_later(stay, self.streams.end_answers).cancel)
        return stay + last

    def _follow(self) -> None:
        """Let the answers that stay see what others write."""
        follower = self.follower
        if follower is None:
            follower = Follower(self.store.log)
            self.stack.callback(asyncio.create_task(follower.run()).cancel)
        self.engine.follow(follower)
