"""The legal order of events: the table, what it guarantees, and the copy of it in PROTOCOL.md."""

from __future__ import annotations

from pathlib import Path

import pytest
from oricode_protocol.events import EVENTS, TERMINAL
from oricode_protocol.lifecycle import TRANSITIONS, IllegalEvent, RunState, advance
from oricode_protocol.page import fill
from protocol.recorded import recorded

PAGE = Path(__file__).parents[2] / "PROTOCOL.md"


def test_the_page_shows_the_tables_of_the_code() -> None:
    """``make page`` rewrites them."""
    text = PAGE.read_text("utf-8")
    assert fill(text) == text


def test_a_stale_table_would_be_noticed() -> None:
    text = PAGE.read_text("utf-8")
    assert fill(text.replace("| failed | `done` | ended |", "")) == text


@pytest.mark.parametrize("name", recorded("runs"))
def test_recorded_runs_are_legal_and_end(name: str) -> None:
    state = RunState.NEW
    for event in recorded("runs")[name]["events"]:
        assert state is not RunState.ENDED
        state = advance(state, event["event"])
    assert state is RunState.ENDED


def test_nothing_follows_the_terminal_event() -> None:
    for name in EVENTS:
        with pytest.raises(IllegalEvent):
            advance(RunState.ENDED, name)


@pytest.mark.parametrize("state", [state for state in RunState if state is not RunState.ENDED])
def test_a_run_can_end_from_wherever_it_stands(state: RunState) -> None:
    assert advance(state, TERMINAL) is RunState.ENDED


def test_after_an_error_only_the_terminal_event_may_come() -> None:
    assert TRANSITIONS[RunState.FAILED] == {TERMINAL: RunState.ENDED}


def test_only_durable_events_have_a_place_in_the_order_and_all_of_them_do() -> None:
    placed = {name for exits in TRANSITIONS.values() for name in exits}
    assert placed == {name for name, cls in EVENTS.items() if cls.durable}


def test_text_comes_only_while_a_message_is_open() -> None:
    for state in RunState:
        allowed = "content" in TRANSITIONS[state]
        assert allowed == (state is RunState.TURN)


def test_tools_run_only_between_messages() -> None:
    for name in ("tool_call", "progress", "tool_result", "approval_required", "approval_resolved"):
        assert [state for state in RunState if name in TRANSITIONS[state]] == [RunState.BETWEEN]
