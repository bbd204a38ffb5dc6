"""Questions to viewers: client tool calls and approvals. Durable, answered once, by anybody who may see the run.

In: a question, written to the store together with the event that asks it. Out: the answer, or None when the deadline
passed. Survives restarts: a question that is in the store is not asked again, an answer given meanwhile is found.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import Any, Literal

from oricode_protocol import codec
from oricode_protocol.events import Event

from ..store.patience import until_available
from ..store.rows import Ask, CloseQuestion, PendingRow
from .ports import Ports
from .run import Run

JsonObject = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """What became of a question."""

    question: JsonObject
    """As viewers saw it: the one that was asked first, when a process before this one asked it."""
    answer: JsonObject | None
    """None when the deadline passed without one."""
    by: str | None
    """Whose key the answer came with."""


async def ask(
    run: Run, ports: Ports, key: str, kind: Literal["tool", "approval"], event: Event, expires_at: int
) -> Asked:
    """Ask (unless already asked) and wait for the answer, until the deadline."""
    held = await _held(run, ports, key)
    if held is None:
        question = codec.encode(event)
        run.note(event)
        await run.writer.commit(
            [event], [Ask(PendingRow(run.row.no, key, kind, expires_at, question, None, None, False))]
        )
    else:
        question, expires_at = held.question, held.expires_at
    answered = run.answer_of(key)
    while True:
        held = await _held(run, ports, key)
        if held is not None and held.answer is not None:
            return Asked(codec.loads(question), codec.loads(held.answer), held.answered_by)
        left = (expires_at - ports.now()) / 1000
        if left <= 0:
            await run.writer.commit([], [CloseQuestion(run.row.no, key)])
            held = await _held(run, ports, key)  # an answer may have won against the deadline
            if held is not None and held.answer is not None:
                return Asked(codec.loads(question), codec.loads(held.answer), held.answered_by)
            return Asked(codec.loads(question), None, None)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(min(left, ports.poll_seconds)):
                await answered.wait()
        answered.clear()


async def _held(run: Run, ports: Ports, key: str) -> PendingRow | None:
    asked = await until_available(lambda: ports.runs.pending(run.row.no))
    return next((row for row in asked if row.key == key), None)
