"""One live run in this process: its log's writing end, its fold, and what it is doing now."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from oricode_protocol import codec
from oricode_protocol.events import Event, HeartbeatState
from oricode_protocol.fold import Fold

from ..log.writer import RunWriter
from ..store.rows import RunRow
from .observer import RunEnd
from .request import RunRequest

JsonObject = dict[str, Any]
_BUSIEST_FIRST: tuple[HeartbeatState, ...] = ("tool", "approval", "client_tool")


class Run:
    """A run that this process owns and writes."""

    def __init__(self, row: RunRow, writer: RunWriter, chat_title: str = "") -> None:
        self.row = row
        self.request = RunRequest.decode(row.request)
        self.writer = writer
        self.chat_title = chat_title
        self.first_of_chat = False
        """True when it is known that the chat holds nothing from before this run."""
        self.fold = Fold()
        """The state without the deltas of an open turn, which are folded in when the turn ends."""
        self.doing: HeartbeatState = "queued"
        self.usage: dict[str, int] = {}
        """Tokens of all turns and attempts so far."""
        self.viewers = 0
        """Connections of this process that watch it."""
        self.ended: RunEnd | None = None
        """Set when its terminal event is durable."""
        self.labels: dict[str, str] = codec.loads(row.labels)
        self.arm = self.labels.get("arm", "streaming")
        self.first_output_at: int | None = None
        """When the model first said something in this process; milliseconds since the epoch."""
        self.cancelled = row.cancel
        self.abandoned = False
        """True when the process drains: stop without a terminal event, another process continues."""
        self._effects = 0
        """Effects in the air: calls whose end must be waited for, or nobody would know whether they happened."""
        self.work: asyncio.Task[None] | None = None
        self.task: asyncio.Task[None] | None = None
        self.calls_seen: set[str] = set()
        """Tool call ids of this run: a provider that repeats one must not confuse two calls."""
        self._open_calls: dict[str, HeartbeatState] = {}
        """What each tool call without a result is doing."""
        self._answers: dict[str, asyncio.Event] = {}
        self.chat_free = asyncio.Event()
        """Set when an earlier run of the chat ended."""
        self.fold.apply("connected", {"run_id": row.id, "chat_id": row.chat_id})

    @property
    def watched(self) -> bool:
        """Whether somebody waits for the end, as far as this process can know.

        A JSON requester of a run that was handed over in order waits at the process that began it.
        """
        handed_over = self.row.epoch - 1 > self.row.attempts
        return self.viewers > 0 or (handed_over and self.labels.get("arm") == "json")

    def call_is(self, tool_call_id: str, doing: HeartbeatState | None) -> None:
        """What a call is doing now; None when it is over. Of several calls the one that waits for nobody counts."""
        self._open_calls.pop(tool_call_id, None)
        if doing is not None:
            self._open_calls[tool_call_id] = doing
        of_calls = self._open_calls.values()
        self.doing = next((state for state in _BUSIEST_FIRST if state in of_calls), self.doing)

    def emit(self, event: Event) -> None:
        """Append an event that is no delta."""
        self.writer.append(event)
        self.fold.apply(event.event, codec.event_data(event))

    def note(self, *events: Event) -> None:
        """Fold events that a durable commit is about to write."""
        for event in events:
            self.fold.apply(event.event, codec.event_data(event))

    def count(self, usage: dict[str, int]) -> None:
        """Add a call's tokens."""
        for name, tokens in usage.items():
            self.usage[name] = self.usage.get(name, 0) + tokens

    def answered(self, key: str) -> None:
        """A viewer answered question ``key``: wake whoever waits for it."""
        self._answers.setdefault(key, asyncio.Event()).set()

    def answer_of(self, key: str) -> asyncio.Event:
        """Set when question ``key`` was answered."""
        return self._answers.setdefault(key, asyncio.Event())

    def nudge(self) -> None:
        """Look again at whatever is waited for: another process may have brought it."""
        for answered in self._answers.values():
            answered.set()
        self.chat_free.set()

    def stop(self) -> None:
        """Cancel what the run is doing right now; its terminal event follows."""
        self.cancelled = True
        if self.work is not None:
            self.work.cancel()

    def abandon(self, *, at_once: bool = False) -> None:
        """Stop without an end: the run goes on elsewhere or later. Effects in the air come down first, unless
        ``at_once``: then what became of them will be unknown."""
        self.abandoned = True
        if self.work is not None and (at_once or not self._effects):
            self.work.cancel()

    @property
    def in_the_air(self) -> bool:
        """Whether effects are on their way."""
        return self._effects > 0

    @asynccontextmanager
    async def effect(self) -> AsyncIterator[None]:
        """While inside, an effect is in the air. None takes off any more once the run is abandoned."""
        if self.abandoned:
            await asyncio.get_running_loop().create_future()  # until the work is cancelled
        self._effects += 1
        try:
            yield
        finally:
            self._effects -= 1
            if self.abandoned:
                self.abandon()
