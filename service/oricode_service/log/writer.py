"""The writing end of one run's log: numbers events, keeps their legal order, encodes each once.

Held by the engine's run task, the only writer of the run; the fence in the store guards against a second process.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from oricode_protocol import codec
from oricode_protocol.events import Event
from oricode_protocol.lifecycle import RunState, advance

from ..store.rows import Op, Record
from .commit import GroupCommit
from .run_log import RunLog

RECORD_BYTES = 16 * 1024
"""Events written together are split above this, so that a reader's page stays small."""


class RunWriter:
    """Appends to a run's log under one epoch."""

    __slots__ = ("_commit", "epoch", "log", "seq", "state")

    def __init__(self, commit: GroupCommit, log: RunLog, epoch: int, state: RunState = RunState.NEW) -> None:
        self._commit = commit
        self.log = log
        self.epoch = epoch
        self.seq = log.visible
        self.state = state

    def append(self, event: Event) -> None:
        """Add an event; visible soon. Raises IllegalEvent when it may not follow."""
        data = codec.encode(event)  # before it counts as said: not everything can be written
        self.state = advance(self.state, event.event)
        self._add(event.event, data, 1)

    def append_deltas(self, name: str, data: bytes, count: int = 1) -> None:
        """Add ``count`` deltas of one name whose ``data``, one a line, is encoded already: the hot path."""
        if self.state is not RunState.TURN:  # where they change nothing
            self.state = advance(self.state, name)
        if len(data) > RECORD_BYTES and count > 1:
            lines = data.split(b"\n")
            half = count // 2
            self.append_deltas(name, b"\n".join(lines[:half]), half)
            self.append_deltas(name, b"\n".join(lines[half:]), count - half)
            return
        self._add(name, data, count)

    def _add(self, name: str, data: bytes, count: int) -> None:
        self.seq += count
        self._commit.append(self.log, Record(self.log.run_no, self.seq, self.epoch, name, data))

    async def commit(self, events: Sequence[Event], ops: Sequence[Op], then: Callable[[], None] | None = None) -> None:
        """Add events and operations as one durable step; returns when it is on disk and visible.

        ``then`` is called when it is on disk and not yet visible.
        """
        records: list[Record] = []
        state = self.state
        for seq, event in enumerate(events, self.seq + 1):
            state = advance(state, event.event)
            records.append(Record(self.log.run_no, seq, self.epoch, event.event, codec.encode(event)))
        self.state, self.seq = state, self.seq + len(records)
        await self._commit.commit(self.log, records, ops, then)

    @property
    def crowded(self) -> bool:
        """True while the process has more to flush than it should hold."""
        return self._commit.crowded

    async def room(self) -> None:
        """Wait until that is better."""
        await self._commit.room()
