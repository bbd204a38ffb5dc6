"""The fold: pure, incremental, and the same whether a viewer saw everything or joined late by a snapshot."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oricode_protocol import codec
from oricode_protocol.fold import Fold, fold
from oricode_protocol.lifecycle import RunState, advance
from protocol.legal import Named, runs
from protocol.recorded import recorded

GOLDEN = recorded("runs")


@given(runs(), st.data())
def test_a_snapshot_and_the_tail_show_the_same_as_everything(run: list[Named], data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(run)))
    snapshot = codec.loads(codec.dumps(fold(run[:cut])))
    assert fold([("snapshot", snapshot), *run[cut:]]) == fold(run)


@given(runs(), st.data())
def test_a_snapshot_replaces_whatever_was_shown_before(run: list[Named], data: st.DataObject) -> None:
    """A viewer in whose log is a gap: it may have seen events that a power cut took."""
    cut = data.draw(st.integers(0, len(run)))
    lost = data.draw(runs(max_events=8))
    assert fold([*lost, ("snapshot", fold(run[:cut])), *run[cut:]]) == fold(run)


@given(runs())
def test_asking_for_the_state_changes_nothing(run: list[Named]) -> None:
    folded = Fold()
    for name, event in run:
        folded.apply(name, event)
        folded.state()["messages"].clear()
        folded.state()["tool_calls"].clear()
    assert folded.state() == fold(run)


@given(runs())
def test_unknown_events_and_fields_are_ignored(run: list[Named]) -> None:
    folded = Fold()
    for name, event in run:
        folded.apply("sparkle", {"new": True})
        folded.apply(name, event)
    assert folded.state() == fold(run)


@given(runs())
def test_the_state_says_how_the_run_ended_exactly_when_it_ended(run: list[Named]) -> None:
    ended = bool(run) and run[-1][0] == "done"
    assert (fold(run)["status"] in ("completed", "failed", "cancelled")) == ended


@given(runs())
def test_generated_runs_are_legal(run: list[Named]) -> None:
    """The strategy's own control: what the other tests fold may really happen."""
    state = RunState.NEW
    for name, _ in run:
        state = advance(state, name)


@given(runs())
def test_text_is_what_the_last_attempts_said_block_by_block(run: list[Named]) -> None:
    """An oracle of its own: a plain list of pieces per message and block."""
    said: dict[str, dict[int, str]] = {}
    now = ""
    for name, event in run:
        if name == "message_start":
            now = event["message_id"]
            said[now] = {}
        elif name == "content":
            said[now][event["index"]] = said[now].get(event["index"], "") + event["text"]
    assert fold(run)["text"] == "".join(blocks[index] for blocks in said.values() for index in sorted(blocks))


@pytest.mark.parametrize("name", GOLDEN)
def test_a_recorded_run_folds_to_its_recorded_states(name: str) -> None:
    golden: dict[str, Any] = GOLDEN[name]
    folded = Fold()
    for event, state in zip(golden["events"], golden["states"], strict=True):
        folded.apply(event["event"], event["data"])
        assert folded.state() == state
    assert folded.text() == golden["text"]
    assert folded.state() == golden["state"]


def test_a_terminal_event_closes_what_was_pending() -> None:
    state = fold([*_asked(), ("done", {"message": "", "status": "cancelled"})])
    assert state["approvals"] == []
    assert state["status"] == "cancelled"


def _asked() -> list[Named]:
    start = {"message": "", "message_id": "m", "turn": 1, "attempt": 1, "model": "x"}
    approval = {"approval_id": "a", "tool_call_id": "c", "reason": "", "input_digest": "", "expires_at": 1}
    return [
        ("message_start", start),
        ("tool_input", {"tool_call_id": "c", "partial_json": "{}", "index": 0, "name": "t"}),
        ("message_stop", {"message_id": "m"}),
        ("approval_required", approval),
    ]


def test_a_later_attempt_voids_text_and_tool_inputs_of_the_earlier_one() -> None:
    start = {"message": "", "message_id": "m", "turn": 1, "model": "x"}
    state = fold([
        ("message_start", start | {"attempt": 1}),
        ("content", {"text": "Half a sent", "index": 0}),
        ("tool_input", {"tool_call_id": "c", "partial_json": "{", "index": 1, "name": "t"}),
        ("message_start", start | {"attempt": 2}),
        ("content", {"text": "Whole.", "index": 0}),
    ])  # fmt: skip
    assert state["text"] == "Whole."
    assert state["tool_calls"] == []
