"""What a person sees when the model's provider fails: the same over every transport, and never a silent half answer."""

from __future__ import annotations

from itertools import pairwise

import pytest
from conformance.house import House
from conformance.wires import Wire, log
from upstream import Drop, Eof, Rst, Status, Step, error_body, error_event, message, text, tool_use

pytestmark = pytest.mark.asyncio(loop_scope="session")
AT_ONCE = {"retry-after": "0"}


def broken_after(steps: list[Step], deltas: int, how: Step) -> list[Step]:
    """The opening of an answer, ``deltas`` pieces, and then the fault."""
    return [*steps[: 3 + deltas], how]


@pytest.mark.parametrize(
    "how", [Drop(), Rst(), Eof(), error_event("overloaded_error")], ids=["drop", "reset", "no message_stop", "error"]
)
async def test_a_stream_that_breaks_is_taken_up_as_a_new_attempt(house: House, wire: Wire, how: Step) -> None:
    whole = message(text("The whole answer.", pieces=4))
    half = message(text("Half an answ", pieces=3))
    model = house.model(broken_after(half, 3, how), whole)
    answer = await wire.ask(prompt="x", model=model.name)
    assert (answer.status, answer.text) == ("completed", "The whole answer.")
    events = await log(house, answer.run_id)
    starts = [event.data for event in events if event.name == "message_start"]
    assert [start["attempt"] for start in starts] == [1, 2]
    assert len({start["message_id"] for start in starts}) == 1
    assert "".join(e.data["text"] for e in events if e.name == "content") == "Half an answThe whole answer."


async def test_an_overloaded_provider_is_asked_again_before_anything_was_shown(house: House, wire: Wire) -> None:
    overloaded = [Status(529, error_body("overloaded_error"), AT_ONCE)]
    model = house.model(overloaded, overloaded, message(text("At last.")))
    answer = await wire.ask(prompt="x", model=model.name)
    assert (answer.status, answer.text) == ("completed", "At last.")
    assert len(model.requests) == 3
    assert [e.data["attempt"] for e in await log(house, answer.run_id) if e.name == "message_start"] in ([1], [1, 2, 3])


async def test_a_provider_that_stays_overloaded_fails_the_run_with_a_sentence(house: House, wire: Wire) -> None:
    model = house.model(*[[Status(529, error_body("overloaded_error"), AT_ONCE)]] * 4)
    answer = await wire.ask(prompt="x", model=model.name)
    assert answer.status == "failed"
    assert answer.error
    events = await log(house, answer.run_id)
    assert [event.name for event in events[-2:]] == ["error", "done"]
    assert (events[-2].data["code"], events[-2].data["retryable"]) == ("upstream_overloaded", True)
    assert len(model.requests) == 4, "attempts are bounded"


async def test_a_refused_request_fails_at_once_with_a_sentence_and_without_secrets(house: House, wire: Wire) -> None:
    model = house.model([Status(400, error_body("invalid_request_error", "messages: too many"))])
    answer = await wire.ask(prompt="x", model=model.name)
    assert answer.status == "failed"
    assert answer.error
    assert "sk-test" not in answer.error
    assert len(model.requests) == 1
    (error, done) = (await log(house, answer.run_id))[-2:]
    assert (error.data["code"], error.data["retryable"], done.data["status"]) == ("upstream_rejected", False, "failed")


async def test_a_question_that_was_refused_does_not_spoil_its_chat(house: House, wire: Wire) -> None:
    model = house.model([Status(400, error_body("invalid_request_error", "prompt is too long"))], message(text("Yes.")))
    refused = await wire.ask(prompt="far too long", model=model.name)
    again = await wire.ask(prompt="And now?", model=model.name, chat_id=refused.chat_id)
    assert (refused.status, again.text) == ("failed", "Yes.")
    assert "far too long" not in str(model.requests[1]["messages"])
    kept = (await house.http.get(f"/api/chats/{refused.chat_id}")).text
    assert "far too long" in kept, "it is still there to be read"


async def test_an_answer_that_is_no_stream_is_named_and_not_paid_for_twice(house: House, wire: Wire) -> None:
    model = house.model([Status(200, {"type": "message", "content": [{"type": "text", "text": "Whole."}]})])
    answer = await wire.ask(prompt="x", model=model.name)
    assert (answer.status, answer.text) == ("failed", "")
    assert answer.error
    assert "application/json" in answer.error
    assert len(model.requests) == 1


async def test_a_stream_that_breaks_every_time_fails_and_counts_what_was_used(house: House, wire: Wire) -> None:
    half = broken_after(message(text("Half.", pieces=2)), 2, error_event("overloaded_error"))
    model = house.model(half, half, half, half)
    answer = await wire.ask(prompt="x", model=model.name)
    assert answer.status == "failed"
    assert answer.usage is not None
    assert answer.usage["input_tokens"] == 4 * 12


async def test_a_failed_run_leaves_what_was_shown_in_the_chat_and_the_chat_usable(house: House, wire: Wire) -> None:
    refused = broken_after(message(text("I was about to", pieces=2)), 2, error_event("invalid_request_error"))
    model = house.model(refused, message(text("Fine now.")))
    failed = await wire.ask(prompt="first", model=model.name)
    assert failed.status == "failed"
    again = await wire.ask(prompt="second", model=model.name, chat_id=failed.chat_id)
    assert again.text == "Fine now."
    roles = [m["role"] for m in model.requests[1]["messages"]]
    assert roles[0] == roles[-1] == "user"
    assert all(one != other for one, other in pairwise(roles)), "roles alternate"


async def test_an_answer_cut_by_the_token_limit_is_complete_and_says_so(house: House, wire: Wire) -> None:
    model = house.model(message(text("Cut."), stop_reason="max_tokens"))
    answer = await wire.ask(prompt="x", model=model.name)
    assert (answer.status, answer.text) == ("completed", "Cut.")
    assert (await log(house, answer.run_id))[-1].data["stop_reason"] == "max_tokens"


async def test_a_tool_call_cut_by_the_token_limit_does_not_run(house: House, wire: Wire) -> None:
    whole = message(tool_use("toolu_cut", "mcp_store_code_chunk", {"program": "ZCUT"}, pieces=4))
    place = max(i for i, step in enumerate(whole) if "input_json_delta" in str(step))
    without_last_piece = [*whole[:place], *whole[place + 1 : -2], *message(stop_reason="max_tokens")[-2:]]
    model = house.model(without_last_piece)
    answer = await wire.ask(prompt="x", model=model.name)
    assert answer.status == "completed"
    events = await log(house, answer.run_id)
    assert not [event for event in events if event.name in ("tool_call", "tool_result")]
