"""The legal order of a run's durable events, as a table.

In: the state a run is in and the name of the next event. Out: the state after it, or :class:`IllegalEvent`.
Events of a connection (``connected``, ``heartbeat``, ``reconnect``, ``snapshot``) are not part of a run's log and
have no row. PROTOCOL.md's picture is drawn from this table (:func:`picture`).
"""

from __future__ import annotations

from enum import Enum


class RunState(Enum):
    """Where a run stands, judged by its events alone."""

    NEW = "new"
    """Nothing written yet."""
    QUEUED = "queued"
    """Waiting for its chat."""
    TURN = "turn"
    """A message is open: the model speaks."""
    BETWEEN = "between"
    """No message is open: tools run, approvals are awaited, or the next turn is near."""
    FAILED = "failed"
    """``error`` was written; only ``done`` may follow."""
    ENDED = "ended"
    """``done`` was written; nothing may follow."""


class IllegalEvent(ValueError):
    """The event may not follow here."""

    def __init__(self, state: RunState, event: str) -> None:
        super().__init__(f"{event} may not follow in state {state.value}")


_S = RunState
_ENDING = {"error": _S.FAILED, "done": _S.ENDED}
_RESTART = {"recovering": _S.BETWEEN, "message_start": _S.TURN}

TRANSITIONS: dict[RunState, dict[str, RunState]] = {
    _S.NEW: {"queued": _S.QUEUED, **_RESTART, **_ENDING},
    _S.QUEUED: {"queued": _S.QUEUED, **_RESTART, **_ENDING},
    _S.TURN: {
        "content": _S.TURN,
        "thinking": _S.TURN,
        "tool_input": _S.TURN,
        "message_stop": _S.BETWEEN,
        **_RESTART,
        **_ENDING,
    },
    _S.BETWEEN: {
        "tool_call": _S.BETWEEN,
        "progress": _S.BETWEEN,
        "tool_result": _S.BETWEEN,
        "approval_required": _S.BETWEEN,
        "approval_resolved": _S.BETWEEN,
        **_RESTART,
        **_ENDING,
    },
    _S.FAILED: {"done": _S.ENDED},
    _S.ENDED: {},
}
"""state -> {event name -> state after it}"""


def advance(state: RunState, event: str) -> RunState:
    """The state after ``event``; raises :class:`IllegalEvent` when it may not follow."""
    try:
        return TRANSITIONS[state][event]
    except KeyError:
        raise IllegalEvent(state, event) from None


def picture() -> str:
    """The table as Markdown, for PROTOCOL.md."""
    rows = ["| state | event | next state |", "| --- | --- | --- |"]
    for state, exits in TRANSITIONS.items():
        by_target: dict[RunState, list[str]] = {}
        for event, target in exits.items():
            by_target.setdefault(target, []).append(event)
        for target, events in by_target.items():
            rows.append(f"| {state.value} | {', '.join(f'`{e}`' for e in events)} | {target.value} |")
    return "\n".join(rows) + "\n"
