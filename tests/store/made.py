"""Rows for tests: a run with little to say, and events for it."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from typing import Any

from oricode_service.store.port import Store
from oricode_service.store.rows import (
    AddMessage,
    Ask,
    FinishRun,
    MessageRow,
    NewRun,
    PendingRow,
    Record,
    RunRow,
    RunStatus,
)

NOW = 1_800_000_000_000
DAY = 24 * 3600 * 1000
_numbers = count(1)


def new_run(**wishes: Any) -> NewRun:
    """A run in a chat of its own, unless told otherwise."""
    number = next(_numbers)
    plain = NewRun(
        run_id=f"run_{number}",
        chat_id=f"chat_{number}",
        new_chat=True,
        user="anna",
        key_id="key_1",
        title="A title",
        request=b'{"prompt":"hi"}',
        labels=b"{}",
        if_busy="enqueue",
        idempotency_key=None,
        digest=b"d",
        max_live=0,
        now=NOW,
    )
    return replace(plain, **wishes)


async def started(store: Store, **wishes: Any) -> RunRow:
    return (await store.runs.create(new_run(**wishes))).run


async def started_in(store: Store, chat_of: RunRow, **wishes: Any) -> RunRow:
    """Another run in the same chat."""
    return await started(store, **{"chat_id": chat_of.chat_id, "new_chat": False, "user": chat_of.user, **wishes})


def records(run: RunRow, first: int, last: int, *, size: int = 10) -> list[Record]:
    """Events ``first`` to ``last`` under the run's epoch."""
    return [
        Record(run.no, seq, run.epoch, "content", b'{"text":"%0*d"}' % (size, seq)) for seq in range(first, last + 1)
    ]


def message(
    run: RunRow, role: Any = "assistant", content: bytes = b"[]", *, turn: int = 1, key: str = ""
) -> AddMessage:
    return AddMessage(run.no, run.chat_no, MessageRow(run.no, turn, role, key, content, NOW, b'{"m":1}'))


def finish(run: RunRow, status: RunStatus = "completed", at: int = NOW + 5) -> FinishRun:
    return FinishRun(run.no, status, at, b'{"status":"%s"}' % status.encode())


async def ended(store: Store, run: RunRow, seq: int = 1, status: RunStatus = "completed", at: int = NOW + 5) -> None:
    """Write the run's terminal event as its event ``seq``."""
    await store.log.commit([Record(run.no, seq, run.epoch, "done", b"{}")], [finish(run, status, at)])


def question(run: RunRow, key: str = "call_1", kind: Any = "tool", expires_at: int = NOW + 1000) -> Ask:
    return Ask(PendingRow(run.no, key, kind, expires_at, b'{"q":1}', None, None, False))


async def killed(store: Any) -> None:
    """End a process on SQLite as a kill does: what is in its journal is not filed."""
    if store.log.given_up:
        await store.close()
        return
    store.log.given_up = True
    store.log._journal.close()
    await store.writer.close()
    store._ownership.close()
    store._reader.close()
