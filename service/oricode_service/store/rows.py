"""The rows that cross the store port: plain values, the same for every database.

Times are milliseconds since the epoch. JSON stays encoded: a store keeps bytes and never looks inside.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, NamedTuple

RunStatus = Literal["queued", "running", "completed", "failed", "cancelled"]
LIVE: tuple[RunStatus, ...] = ("queued", "running")
FRAME_BYTES = 110
"""What goes around an event on the wire at most, about: 62 bytes over SSE, 108 over WebSocket."""


class Record(NamedTuple):
    """One event of a run's log, encoded once, or several of the same name and epoch that were written together.

    Its column order is that of the ``event`` table. Deltas that came in one piece stay in one piece as far as the
    wire: kept apart they would cost ten times as much.
    """

    run_no: int
    seq: int
    """Of the event, the last one if there are several; dense from 1 within the run, over all epochs."""
    epoch: int
    event: str
    data: bytes
    """The ``data`` object as JSON: one line an event, with a line feed between two."""

    @property
    def first(self) -> int:
        """Seq of the first event."""
        return self.seq - self.data.count(b"\n")

    def datas(self) -> list[bytes]:
        """The ``data`` of each event, from :attr:`first` to :attr:`seq`."""
        return self.data.split(b"\n")

    def behind(self, seq: int) -> Record:
        """What of this record lies behind ``seq``, which comes before its last event."""
        skip = seq + 1 - self.first
        return self._replace(data=self.data.split(b"\n", skip)[skip]) if skip > 0 else self

    def only(self, count: int) -> Record:
        """The first ``count`` of its events; all, when there are not more."""
        lines = self.data.split(b"\n", count)
        return self._replace(seq=self.first + count - 1, data=b"\n".join(lines[:count])) if lines[count:] else self


def page_of(records: Iterable[Record], after: int, max_bytes: int) -> list[Record]:
    """What of ``records``, the first of which ends behind seq ``after``, is ``max_bytes`` with its frames, about.

    At least one event if there is one. Frames count, because around tiny events they are most of what is written, and
    of what a connection whose peer stalls has to keep.
    """
    page: list[Record] = []
    left = max_bytes
    for record in records:
        if not page:
            record = record.behind(after)
        count = record[1] - after
        weight = len(record[4]) + count * FRAME_BYTES
        if weight > left:
            fitting = count * left // weight
            if fitting or not page:
                page.append(record.only(max(1, fitting)))
            break
        page.append(record)
        left -= weight
        after = record[1]
    return page


@dataclass(frozen=True, slots=True)
class NewRun:
    """What :meth:`RunStore.create` needs. Ids are made by the engine."""

    run_id: str
    chat_id: str
    new_chat: bool
    """True: the chat is made with the run. False: it must exist and belong to ``user``."""
    user: str
    key_id: str
    title: str
    """For a new chat."""
    request: bytes
    """The chat request as the engine keeps it (JSON)."""
    labels: bytes
    """What metrics and reports group by: transport, client type, arm, model (JSON)."""
    if_busy: Literal["enqueue", "reject", "interrupt"]
    idempotency_key: str | None
    digest: bytes
    """Hash of the body; compared when the key was used before."""
    max_live: int
    """Live runs this key may have; 0 = no limit."""
    now: int


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run as the store knows it."""

    no: int
    id: str
    chat_no: int
    chat_id: str
    user: str
    status: RunStatus
    epoch: int
    """Fencing token of the current owner."""
    attempts: int
    """How often it was taken over after a crash."""
    cancel: bool
    request: bytes
    labels: bytes
    created_at: int
    started_at: int | None
    finished_at: int | None
    last_seq: int
    """Of the last stored event; kept after retention deleted the events."""
    trimmed: bool
    """True when retention deleted its events."""


@dataclass(frozen=True, slots=True)
class Created:
    """Answer of :meth:`RunStore.create`."""

    run: RunRow
    fresh: bool
    """False: the idempotency key had already started this run."""
    busy: tuple[RunRow, ...] = ()
    """Live runs of the chat that come first; with ``interrupt`` these were asked to cancel."""


@dataclass(frozen=True, slots=True)
class MessageRow:
    """A committed step of a conversation. The messages of a run are its checkpoints."""

    run_no: int | None
    """None for imported history."""
    turn: int
    role: Literal["user", "assistant", "tool"]
    key: str
    """``tool``: the tool call id, else empty."""
    content: bytes
    """JSON: content blocks; for ``tool`` one ``tool_result`` block."""
    at: int
    meta: bytes = b"{}"
    """JSON: usage, stop reason, model of an assistant message; status of a tool result; that a question was refused."""


@dataclass(frozen=True, slots=True)
class ChatRow:
    """A chat."""

    no: int
    id: str
    user: str
    title: str
    created_at: int
    updated_at: int
    live_run: str | None


@dataclass(frozen=True, slots=True)
class KeyRow:
    """An API key; the secret itself is nowhere, only its hash."""

    id: str
    user: str
    hash: bytes
    """SHA-256 of the whole key."""
    admin: bool
    created_at: int
    revoked_at: int | None


@dataclass(frozen=True, slots=True)
class EffectRow:
    """The ledger's entry for a tool call with a side effect."""

    key: str
    """The tool call id of a committed turn."""
    run_no: int
    done: bool
    result: bytes | None
    """JSON of the outcome, when done."""


@dataclass(frozen=True, slots=True)
class PendingRow:
    """A question to a viewer: a client tool call or an approval."""

    run_no: int
    key: str
    """Tool call id or approval id."""
    kind: Literal["tool", "approval"]
    expires_at: int
    question: bytes
    """JSON of the event that asked."""
    answer: bytes | None
    """JSON of the answer; None while open."""
    answered_by: str | None
    closed: bool
    """True when nobody may answer any more (deadline, cancel)."""


@dataclass(frozen=True, slots=True)
class ReportRow:
    """A run as reports count it."""

    created_at: int
    finished_at: int | None
    status: RunStatus
    labels: bytes
    """JSON; of an ended run with what was known at its end."""
    rating: str | None
    """``up``, ``down``, or None when nobody rated it."""


@dataclass(frozen=True, slots=True)
class LiveRow:
    """A live run as an operator sees it, whichever process runs it."""

    id: str
    user: str
    status: RunStatus
    labels: bytes
    created_at: int


# Operations of one durable commit. Applied in order, all or nothing, under the fence of the process.


@dataclass(frozen=True, slots=True)
class AddMessage:
    """Append a message to the run's chat."""

    run_no: int
    chat_no: int
    message: MessageRow


@dataclass(frozen=True, slots=True)
class FinishRun:
    """The run ended; its terminal event is in the same commit."""

    run_no: int
    status: RunStatus
    at: int
    result: bytes
    labels: bytes | None = None
    """The run's labels with what is known at its end; None = as they were."""


@dataclass(frozen=True, slots=True)
class StartEffect:
    """Write the intent before an effect runs."""

    run_no: int
    key: str
    at: int


@dataclass(frozen=True, slots=True)
class FinishEffect:
    """Record what the outside world did. Never fenced: the truth is recorded in any case."""

    key: str
    result: bytes
    at: int


@dataclass(frozen=True, slots=True)
class Ask:
    """Open a question to viewers."""

    pending: PendingRow


@dataclass(frozen=True, slots=True)
class CloseQuestion:
    """Nobody may answer any more."""

    run_no: int
    key: str


Op = AddMessage | FinishRun | StartEffect | FinishEffect | Ask | CloseQuestion
