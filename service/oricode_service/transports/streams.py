"""The open streams of this process: what they say of themselves, and how all of them are closed at once.

Each stream is a reader that a transport pumps. Here they are counted, aged, ended when their key is revoked, and asked
to reconnect when the process drains.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass

from oricode_protocol.errors import error
from oricode_protocol.events import Connected, Heartbeat, HeartbeatState, Reconnect, ResumeAnswer

from ..access.connections import Connections
from ..access.keys import Caller
from ..access.revocations import Revocations
from ..engine.runs import Engine
from ..log.reader import Reader
from ..store.rows import RunRow
from .attach import Attachment

RETRY_MS = (500, 1500)
"""What an SSE client is told to wait before it reconnects by itself lies in this range, while there are few."""
RETRY_MS_PER_STREAM = 1
"""By so much the range is longer for each open stream: after a kill they come no faster than they can be served."""
DRAIN_SPREAD_MS = (200, 2000)
"""Reconnections after a drain are spread over this range, so that the next process is not stormed."""


@dataclass(frozen=True, slots=True)
class Timing:
    """What streams need to know of the settings."""

    heartbeat_seconds: float
    max_age_seconds: float = 0
    """0 = no limit."""


class Streams:
    """All open streams."""

    def __init__(self, engine: Engine, timing: Timing, connections: Connections, revocations: Revocations) -> None:
        self.engine = engine
        self.timing = timing
        self._connections = connections
        self._revocations = revocations
        self._open: set[Reader] = set()
        self._answers: set[Reader] = set()
        """Those of JSON answers, which nobody can resume."""
        self.draining = False
        self._answers_stay = False
        """While draining: JSON answers are waited for, and late requests are still served."""

    @contextmanager
    def counted(self, transport: str, caller: Caller, address: str) -> Iterator[None]:
        """One connection; raises ``restarting`` or ``too_many_connections``."""
        if self.draining and not self._answers_stay:
            raise error("restarting", retry_after=1)
        with self._connections.opening(transport, key_id=caller.key_id, address=address):
            yield

    @contextmanager
    def reading(self, reader: Reader, caller: Caller | None, *, resumable: bool = True) -> Iterator[None]:
        """While the block runs the reader is one of ours: drained, aged and revoked with the others.

        ``caller`` None: whoever holds the connection watches for its key's revocation and its age. ``resumable`` False:
        a JSON answer, which has no age and may outlast a drain.
        """
        with ExitStack() as stack:
            stack.callback(reader.close)
            mine = self._open if resumable else self._answers
            mine.add(reader)
            stack.callback(mine.discard, reader)
            if caller is not None:
                stack.enter_context(self.unless_revoked(caller, lambda: reader.ask_to_close("key_revoked")))
                if resumable:
                    stack.enter_context(self.until_old(lambda: reader.ask_to_close("max_age")))
            if self.draining and not (self._answers_stay and not resumable):
                reader.ask_to_close("restart")
            yield

    def unless_revoked(self, caller: Caller, ending: Callable[[], None]) -> AbstractContextManager[None]:
        """While entered, ``ending`` is called should the caller's key be revoked."""
        return self._revocations.watching(caller.key_id, ending)

    @contextmanager
    def until_old(self, ending: Callable[[], None]) -> Iterator[None]:
        """While entered, ``ending`` is called should the connection reach its age."""
        with ExitStack() as stack:
            if self.timing.max_age_seconds:
                loop = asyncio.get_running_loop()
                stack.callback(loop.call_later(self.timing.max_age_seconds, ending).cancel)
            yield

    @contextmanager
    def viewing(self, found: Attachment, caller: Caller | None, *, resumable: bool = True) -> Iterator[None]:
        """While the block runs somebody watches the run of ``found``."""
        run_no, reader = found.row.no, found.reader
        over = reader.log.ended
        self.engine.viewer_came(run_no)
        try:
            with self.reading(reader, caller, resumable=resumable):
                yield
        finally:
            self.engine.viewer_left(run_no)
            if reader.log.ended and not over and reader.cursor == reader.log.visible:
                self.engine.viewer_saw_end(found.row)

    def drain(self, *, answers_stay: bool = False) -> None:
        """Ask every stream to reconnect elsewhere, and every JSON answer to end unless they stay."""
        self.draining = True
        self._answers_stay = answers_stay
        for reader in [*self._open, *(() if answers_stay else self._answers)]:
            reader.ask_to_close("restart")

    def end_answers(self) -> None:
        """End what :meth:`drain` left."""
        self.drain()

    @property
    def open(self) -> int:
        """How many streams are read right now."""
        return len(self._open) + len(self._answers)

    # What a stream says of itself.

    def retry_ms(self) -> int:
        """What the next stream's client shall wait before it reconnects; drawn, so that not all come at once."""
        least, most = RETRY_MS
        return random.randint(least, most + RETRY_MS_PER_STREAM * self.open)

    def connected(self, row: RunRow | None, answer: ResumeAnswer | None) -> Connected:
        """The first event of a stream."""
        return Connected(
            run_id=row.id if row else None,
            chat_id=row.chat_id if row else None,
            heartbeat_ms=int(self.timing.heartbeat_seconds * 1000),
            resume=answer,
            server_time=now_ms(),
        )

    def heartbeat(self, reader: Reader | None) -> Heartbeat:
        """A sign of life; ``reader`` None for a connection that reads nothing."""
        state: HeartbeatState = "idle" if reader is None else self.engine.doing(reader.log.run_no)
        self.engine.ports.observer.beat(state)
        if reader is None:
            return Heartbeat(timestamp=now_ms(), state=state)
        return Heartbeat(
            timestamp=now_ms(),
            state=state,
            quiet_ms=max(0, int((time.monotonic() - reader.log.changed_at) * 1000)),
        )

    def reconnect(self, reason: str) -> Reconnect:
        """The planned end of a connection whose run goes on."""
        self.engine.ports.observer.sent_away(reason)
        after = random.randint(*DRAIN_SPREAD_MS) if reason == "restart" else random.randint(0, 500)
        return Reconnect(after_ms=after, reason=reason)


def now_ms() -> int:
    """Milliseconds since the epoch."""
    return time.time_ns() // 1_000_000
