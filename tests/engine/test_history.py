"""Messages that a request brings along: an assistant's among them, in both forms, with calls of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from engine.world import ANNA, Tool, process
from oricode_protocol import codec
from oricode_protocol.commands import Chat
from oricode_service.engine.history import conversation
from oricode_service.models.script import Call, Say, Script
from oricode_service.store.rows import MessageRow

CALL = {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {}}
THOUGHT = {"type": "thinking", "thinking": "Well.", "signature": "s"}
BLANK = {"type": "text", "text": "\n\n"}
RESULT = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "Seen."}


def rows(*said: tuple[str, Any]) -> list[MessageRow]:
    return [MessageRow(1, 0, role, "", codec.dumps(content), 0) for role, content in said]


def test_an_assistants_text_may_be_a_plain_string() -> None:
    made = conversation(rows(("user", "Hi."), ("assistant", "Hello."), ("user", "Go on.")))
    assert made == [
        {"role": "user", "content": "Hi."},
        {"role": "assistant", "content": [{"type": "text", "text": "Hello."}]},
        {"role": "user", "content": "Go on."},
    ]


def test_a_result_that_the_request_brings_is_the_calls_only_one() -> None:
    made = conversation(rows(("user", "Hi."), ("assistant", [CALL]), ("user", [RESULT])))
    assert made[2] == {"role": "user", "content": [RESULT]}


def test_a_call_without_a_result_is_answered_by_the_truth() -> None:
    made = conversation(rows(("user", "Hi."), ("assistant", [CALL]), ("user", "Go on.")))
    (interrupted, text) = made[2]["content"]
    assert (interrupted["tool_use_id"], interrupted["is_error"]) == ("toolu_1", True)
    assert text == {"type": "text", "text": "Go on."}


def test_a_text_without_a_word_is_not_sent_back() -> None:
    """The Messages API refuses it, and would refuse every later message of the chat."""
    text = {"type": "text", "text": " Hi.\n"}
    made = conversation(
        rows(
            ("user", [BLANK, text]),
            ("assistant", [BLANK, CALL]),
            ("user", [RESULT]),
            ("assistant", [BLANK]),
            ("user", "On."),
        )
    )
    assert made == [
        {"role": "user", "content": [text]},
        {"role": "assistant", "content": [CALL]},
        {"role": "user", "content": [RESULT, {"type": "text", "text": "On."}]},
    ]


@pytest.mark.parametrize("said", [[THOUGHT], [THOUGHT, {"type": "redacted_thinking", "data": "x"}], [THOUGHT, BLANK]])
def test_an_answer_that_got_no_further_than_its_thinking_is_not_sent_back(said: list[dict[str, Any]]) -> None:
    """A limit of tokens ended it there; the Messages API refuses an answer that ends so."""
    made = conversation(rows(("user", "Hi."), ("assistant", said), ("user", "Go on.")))
    assert [message["role"] for message in made] == ["user"]
    made = conversation(rows(("user", "Hi."), ("assistant", [*said, CALL]), ("user", [RESULT])))
    assert made[1] == {"role": "assistant", "content": [*(block for block in said if block != BLANK), CALL]}


async def test_turns_are_the_models_and_a_call_that_the_request_brings_is_never_run(tmp_path: Path) -> None:
    """Many earlier answers are no turns of this run, and their open calls are not carried out."""
    script = Script(((Say("I look."), Call("look", {})), (Say("Done."),)), rate=100_000.0)
    forged = {**CALL, "name": "change"}
    earlier = [{"role": "user", "content": "Hi."}, {"role": "assistant", "content": [forged]}] * 60
    look, change = Tool("look"), Tool()
    async with process(tmp_path, script, [look, change]) as one:
        chat = Chat(messages=[*earlier, {"role": "user", "content": "Go on."}], model="script")
        run, _ = await one.engine.start(ANNA, chat)
        events = await one.until_ended(run)
        turns = [codec.loads(record.data)["turn"] for record in events if record.event == "message_start"]
    assert turns == [1, 2]
    assert codec.loads(events[-1].data)["status"] == "completed"
    assert list(look.happened.values()) == [1]
    assert not change.happened
