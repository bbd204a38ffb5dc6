"""What a cursor gets: one of the four answers, for every transport alike (PROTOCOL.md section 4)."""

from __future__ import annotations

from dataclasses import dataclass

from oricode_protocol import codec
from oricode_protocol.errors import error
from oricode_protocol.events import ResumeAnswer
from oricode_protocol.ids import Cursor

from ..engine.runs import Engine
from ..log.coalesce import window_of
from ..log.reader import Reader
from ..store.rows import RunRow


class Gone(Exception):
    """Retention deleted the run's events; its messages are in the chat."""

    def __init__(self, row: RunRow) -> None:
        super().__init__(row.id)
        self.reason = error("gone")
        self.message_url = f"/api/chats/{row.chat_id}"
        self.run_url = f"/api/runs/{row.id}"


@dataclass(slots=True)
class Attachment:
    """A reader in place, and what to tell the client first."""

    row: RunRow
    reader: Reader
    answer: ResumeAnswer
    snapshot: bytes | None
    """Data of a ``snapshot`` event to send first."""
    snapshot_id: str | None
    ended: bool
    """True when the client has everything, the terminal event included."""


async def attach(
    engine: Engine,
    row: RunRow,
    cursor: Cursor | None,
    transport: str,
    *,
    from_snapshot: bool = False,
    batch_ms: int = 0,
) -> Attachment:
    """Put a reader behind ``cursor``; raises ``malformed_cursor`` or :class:`Gone`. ``transport``: for metrics."""
    logs = engine.ports.logs
    if cursor is not None and cursor.run != row.id:
        raise error("malformed_cursor", "The event id belongs to another run.")
    after = cursor.seq if cursor is not None else 0
    if row.trimmed and after != row.last_seq:
        engine.ports.observer.resumed("gone", transport)
        raise Gone(row)
    log = logs.log(row)
    answer: ResumeAnswer = "new" if after == 0 else "live" if after == log.visible else "replay"
    if cursor is not None and not row.trimmed and not await logs.holds(log, cursor):
        answer = "gap"
    snapshot: bytes | None = None
    snapshot_id: str | None = None
    if answer == "gap" or from_snapshot:
        folded, upto = await logs.fold(log)
        folded.apply("connected", {"run_id": row.id, "chat_id": row.chat_id})
        snapshot = codec.dumps(folded.state())
        snapshot_id = None if upto.at_start else str(upto)
        after = upto.seq
    reader = logs.reader(log, after)
    if batch_ms:
        reader.window = window_of(log, batch_ms / 1000)
    ended = snapshot is None and log.ended and after == log.visible
    if cursor is not None or from_snapshot:
        engine.ports.observer.resumed("ended" if ended else answer, transport)
    return Attachment(row, reader, answer, snapshot, snapshot_id, ended)
