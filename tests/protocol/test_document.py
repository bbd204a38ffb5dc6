"""The run document: what an old client is answered, from any state a run can be in."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from oricode_protocol import codec
from oricode_protocol.document import document
from oricode_protocol.fold import fold
from protocol.legal import Named, runs
from protocol.recorded import recorded

STATUSES = {"queued", "running", "waiting", "completed", "failed", "cancelled"}


def of(name: str, upto: int | None = None) -> dict[str, Any]:
    events = recorded("runs")[name]["events"][:upto]
    identity = ("connected", {"run_id": "run_1", "chat_id": "chat_1"})
    return document(fold([identity, *((e["event"], e["data"]) for e in events)]))


def test_a_completed_run_answers_its_text_and_last_message() -> None:
    made = of("simple")
    assert (made["run_id"], made["chat_id"], made["status"], made["text"]) == (
        "run_1", "chat_1", "completed", "Hello world",
    )  # fmt: skip
    assert made["message"] == {"role": "assistant", "content": [{"type": "text", "text": "Hello world"}]}
    assert (made["stop_reason"], made["usage"], made["duration_ms"], made["error"]) == (
        "end_turn", {"input_tokens": 30, "output_tokens": 10}, 1234, None,
    )  # fmt: skip
    assert "tool_calls" not in made, "nothing is pending after the end"


def test_a_failed_run_answers_the_sentence_and_its_code() -> None:
    made = of("failed-upstream")
    assert made["status"] == "failed"
    assert made["error"] == "The model is overloaded; try again in a while."
    assert (made["code"], made["retryable"]) == ("upstream_overloaded", True)
    assert made["text"] == "I was"


def test_thinking_is_part_of_the_message_and_not_of_the_text() -> None:
    made = of("thinking-and-blocks")
    assert made["text"] == "OneTwo"
    assert made["message"]["content"][0] == {"type": "thinking", "thinking": "Let me see."}


@pytest.mark.parametrize(
    ("upto", "status"),
    [
        (1, "running"),
        (4, "running"),  # the approval is about to be asked
        (5, "running"),  # the client's call is not announced yet
        (6, "waiting"),
        (7, "waiting"),  # the approval is still open
        (8, "running"),
        (9, "running"),
        (None, "completed"),
    ],
)
def test_a_run_waits_exactly_while_only_viewers_can_bring_it_on(upto: int | None, status: str) -> None:
    assert of("approval-and-client-tool", upto)["status"] == status


def test_a_waiting_answer_says_what_it_waits_for() -> None:
    made = of("approval-and-client-tool", 6)
    assert [call["tool_call_id"] for call in made["tool_calls"]] == ["call_2"]
    assert [approval["approval_id"] for approval in made["approvals"]] == ["appr_1"]


def test_a_tool_call_in_the_message_has_its_input() -> None:
    made = of("chunk-stored", 10)
    assert made["message"]["content"][1] == {
        "type": "tool_use",
        "id": "call_1",
        "name": "mcp_store_code_chunk",
        "input": {"chunk_index": 2, "total_chunks": 8},
    }


def test_a_run_without_a_message_has_none() -> None:
    assert document(fold([]))["message"] is None
    assert document(fold([("queued", {"position": 1})]))["status"] == "queued"


@given(runs())
def test_every_state_has_a_document_that_json_can_hold(run: list[Named]) -> None:
    made = document(fold(run))
    assert made["status"] in STATUSES
    assert made["text"] == fold(run)["text"]
    assert codec.loads(codec.dumps(made)) == made
