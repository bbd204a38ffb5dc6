"""How a run ends: what is still open is closed, and one commit holds the terminal event and what reports want to know.

In: a run, its outcome, and what else belongs to its last commit. Out: a finished log, and an end that was counted. That
it happens once, and in every case, is the loop's business: nobody else calls this.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from oricode_protocol import codec
from oricode_protocol.errors import OricodeError
from oricode_protocol.events import ApprovalResolved, Done, Error, Event, MessageStop, RunStatus, ToolResult
from oricode_protocol.lifecycle import RunState

from ..store.rows import FinishRun, Op
from .observer import RunEnd
from .ports import Ports
from .run import Run

_MESSAGES: dict[RunStatus, str] = {"completed": "Complete", "failed": "Failed", "cancelled": "Cancelled"}


def last_events(run: Run, failure: OricodeError | None) -> list[Event]:
    """What must be said before the terminal event of a run that was stopped, or failed for ``failure``."""
    events = _close_calls(run) if run.writer.state is RunState.BETWEEN else []
    if failure is not None:
        after = int(failure.retry_after * 1000) if failure.retry_after is not None else None
        events.append(
            Error(
                error=failure.sentence,
                code=failure.code,
                retryable=failure.row.retryable,
                retry_after_ms=after,
            )
        )
    return events


def _close_calls(run: Run) -> list[Event]:
    """Say of every call that was in the air, and of every open approval, that nothing more will come."""
    state = run.fold.state()
    events: list[Event] = [
        ApprovalResolved(
            approval_id=approval["approval_id"], tool_call_id=approval["tool_call_id"], decision="cancelled"
        )
        for approval in state["approvals"]
    ]
    events += [
        ToolResult(
            tool_call_id=call["tool_call_id"],
            name=call["name"],
            status="error" if call["runs"] == "client" else "unknown",
            summary="Stopped before a result was known",
        )
        for call in state["tool_calls"]
        if call["state"] == "running"
    ]
    return events


async def finish(
    run: Run,
    ports: Ports,
    events: list[Event],
    ops: list[Op],
    status: RunStatus,
    *,
    stop_reason: str | None,
    code: str | None = None,
) -> None:
    """Commit ``events``, ``ops`` and the terminal event as one step. ``code``: of the error table, when it failed."""
    now = ports.now()
    done = Done(
        message=_MESSAGES[status],
        status=status,
        stop_reason=stop_reason,
        usage=run.usage or None,
        duration_ms=max(0, now - run.row.created_at),
    )
    run.note(*(event for event in events if not isinstance(event, MessageStop)), done)
    end = _summary(run, status, code, now)
    finished = FinishRun(run.row.no, status, now, codec.dumps(run.fold.state()), codec.dumps(_labels(end)))

    def count() -> None:  # before the end is visible: who has seen it finds it counted
        run.ended = end
        ports.observer.run_ended(end)

    ports.reach("done.before")
    await _to_the_end(run.writer.commit([*events, done], [*ops, finished], count))
    ports.tracing.run_ended(end)
    ports.reach("done.after")


def _summary(run: Run, status: RunStatus, code: str | None, now: int) -> RunEnd:
    begun, first = run.row.created_at, run.first_output_at
    return RunEnd(
        labels=run.labels,
        status=status,
        code=code,
        seconds=max(0, now - begun) / 1000,
        first_token_seconds=max(0, first - begun) / 1000 if first is not None else None,
        watched=run.watched,
        usage=run.usage,
    )


def _labels(end: RunEnd) -> dict[str, str]:
    """The run's labels with what reports want to know of its end."""
    known = {"code": end.code, "watched": "yes" if end.watched else "no"}
    if end.first_token_seconds is not None:
        known["first_token_seconds"] = f"{end.first_token_seconds:.3f}"
    return {**end.labels, **{name: value for name, value in known.items() if value is not None}}


async def _to_the_end(commit: Coroutine[Any, Any, None]) -> None:
    """Wait for a run's last commit, although somebody stops the run meanwhile: nothing can call it back."""
    writing = asyncio.ensure_future(commit)
    try:
        await asyncio.shield(writing)
    except asyncio.CancelledError:
        await writing
