"""The same answer over every transport: text, ids, terminal event, history, odd characters."""

from __future__ import annotations

import json
from typing import Any

import pytest
from conformance.house import DEFAULT_MODEL, House
from conformance.wires import WIRES, Wire, log
from protocol.recorded import read
from upstream import message, text, thinking, tool_use

pytestmark = pytest.mark.asyncio(loop_scope="session")
TEXTS = read("texts.json")


async def test_a_run_is_the_same_by_every_transport(house: House, wire: Wire) -> None:
    model = house.model(message(thinking("Hm.", "c2ln"), text("Hello, world!", pieces=5)))
    answer = await wire.ask(prompt="Hi", model=model.name)
    stored = await log(house, answer.run_id)
    assert (answer.status, answer.text, answer.error) == ("completed", "Hello, world!", None)
    assert answer.last_id == stored[-1].id
    assert [event.id for event in stored] == [f"{answer.run_id}.1.{n}" for n in range(1, len(stored) + 1)]
    assert [event.name for event in stored] == [
        "message_start", "thinking", *["content"] * 5, "message_stop", "done",
    ]  # fmt: skip
    if wire.name != "json":
        assert [event for event in answer.events if event.id] == stored
    assert answer.usage == {"input_tokens": 12, "output_tokens": 7}


async def test_one_run_read_by_all_three_is_one_run(house: House) -> None:
    model = house.model(message(text("Once.", pieces=3)))
    body: dict[str, Any] = {"prompt": "Hi", "model": model.name, "idempotency_key": f"shared-{model.name}"}
    answers = [await kind(house).ask(**body) for kind in WIRES.values()]
    assert len({(a.run_id, a.chat_id, a.text, a.status, a.last_id) for a in answers}) == 1
    assert len(model.requests) == 1


@pytest.mark.parametrize("golden", TEXTS, ids=[golden["name"] for golden in TEXTS])
async def test_odd_text_of_a_person_comes_back_byte_exact(wire: Wire, golden: dict[str, str]) -> None:
    if not golden["text"].strip():
        assert (await wire.refused(prompt=golden["text"], model="echo"))["code"] == "empty_prompt"
        return
    assert (await wire.ask(prompt=golden["text"], model="echo")).text == golden["text"]


async def test_odd_text_of_a_model_arrives_byte_exact(house: House, wire: Wire) -> None:
    odd = [golden["text"] for golden in TEXTS]
    model = house.model(message(text(odd)))
    assert (await wire.ask(prompt="x", model=model.name)).text == "".join(odd)


async def test_deltas_of_punctuation_that_json_is_made_of_arrive_one_by_one(house: House, wire: Wire) -> None:
    """Models send a comma as a delta of its own, also as the first one of a read."""
    odd = [",", "{", '"', ",", ",", "}", "\\", '","', ":", ",", '"name",', '"', ",", '\\"', '",\n', '",']
    model = house.model(message(text(odd)))
    answer = await wire.ask(prompt="x", model=model.name)
    assert (answer.status, answer.text) == ("completed", "".join(odd))
    shown = [event.data["text"] for event in await log(house, answer.run_id) if event.name == "content"]
    assert shown == odd


async def test_a_delta_of_any_length_comes_in_pieces_that_stock_readers_take(house: House, wire: Wire) -> None:
    """Lines of 64 KiB and frames of 1 MiB are the limits of readers that people use."""
    long = "😀 long, \x00 " * 20_000
    call = tool_use("toolu_long", "mcp_nothing", {"code": long}, pieces=1)
    model = house.model(message(thinking(long, "c2ln"), text([long, "end"]), call), message(text("Done.")))
    answer = await wire.ask(prompt="x", model=model.name)
    assert (answer.status, answer.text) == ("completed", long + "endDone.")
    events = await log(house, answer.run_id)
    assert max(len(str(event.data)) for event in events if event.name != "tool_call") < 64 * 1024
    assert "".join(event.data["text"] for event in events if event.name == "thinking") == long
    (shown,) = [event.data["input"] for event in events if event.name == "tool_call"]
    assert shown == json.loads("".join(e.data["partial_json"] for e in events if e.name == "tool_input"))


async def test_an_emoji_that_a_model_cut_in_two_arrives_whole(house: House, wire: Wire) -> None:
    """In one delta: many JSON parsers refuse or replace a half, and few programs can print one."""
    model = house.model(message(text(["half ", "\ud83d", "\ude00", " done \ud83d"]), text([" alone"])))
    answer = await wire.ask(prompt="x", model=model.name)
    assert answer.text == "half 😀 done \ud83d alone", "a half whose other half never comes stays what it is"
    assert "😀" in [event.data["text"] for event in await log(house, answer.run_id) if event.name == "content"]


async def test_earlier_messages_of_the_chat_precede_the_new_ones(house: House, wire: Wire) -> None:
    model = house.model(message(text("First answer.")), message(text("Second answer.")))
    first = await wire.ask(prompt="First?", model=model.name)
    second = await wire.ask(prompt="Second?", model=model.name, chat_id=first.chat_id)
    assert second.chat_id == first.chat_id
    asked = model.requests[1]["messages"]
    assert [(m["role"], _text(m["content"])) for m in asked] == [
        ("user", "First?"),
        ("assistant", "First answer."),
        ("user", "Second?"),
    ]


def _text(content: Any) -> str:
    return content if isinstance(content, str) else "".join(block.get("text", "") for block in content)


async def test_a_chat_of_somebody_else_is_not_there(house: House, wire: Wire) -> None:
    async with house.client(house.other_key) as other:
        theirs = (await other.post("/api/chat", json={"prompt": "mine", "model": "echo"})).json()
    refused = await wire.refused(prompt="Hi", chat_id=theirs["chat_id"], model="echo")
    absent = await wire.refused(prompt="Hi", chat_id="chat_nobody", model="echo")
    assert refused.pop("request_id", "") != absent.pop("request_id", "other"), "over HTTP each names its own request"
    assert refused == absent
    assert (refused["code"], refused["status"]) == ("not_found", 404)


async def test_a_retired_model_is_answered_by_the_default_and_says_so(house: House, wire: Wire) -> None:
    house.upstream.script(DEFAULT_MODEL, message(text("Still here."), model=DEFAULT_MODEL))
    answer = await wire.ask(prompt="Hi", model="claude-sonnet-4-20250514")
    assert answer.text == "Still here."
    start = next(event for event in await log(house, answer.run_id) if event.name == "message_start")
    assert start.data["model"] == DEFAULT_MODEL


async def test_messages_and_prompt_are_sent_in_this_order(house: House, wire: Wire) -> None:
    model = house.model(message(text("ok")))
    history = [{"role": "user", "content": "a"}, {"role": "assistant", "content": [{"type": "text", "text": "b"}]}]
    await wire.ask(prompt="c", messages=history, model=model.name, max_tokens=77, system="Be brief.")
    (asked,) = model.requests
    assert [_text(m["content"]) for m in asked["messages"]] == ["a", "b", "c"]
    assert asked["max_tokens"] == 77
    assert "Be brief." in str(asked["system"])


async def test_max_tokens_is_8192_unless_asked_otherwise(house: House, wire: Wire) -> None:
    model = house.model(message(text("ok")))
    await wire.ask(prompt="c", model=model.name)
    assert model.requests[0]["max_tokens"] == 8192


async def test_a_history_that_a_client_brings_along_is_sent_as_it_is(house: House, wire: Wire) -> None:
    """Texts or blocks, the assistant's part too; calls in it have their results, and turns are counted without it."""
    call = {"type": "tool_use", "id": "toolu_old", "name": "read_editor", "input": {}}
    result = {"type": "tool_result", "tool_use_id": "toolu_old", "content": "REPORT za."}
    history = [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": "b"},
        {"role": "user", "content": "c"},
        {"role": "assistant", "content": [{"type": "text", "text": "d"}, call]},
        {"role": "user", "content": [result]},
    ]
    model = house.model(message(tool_use("toolu_1", "mcp_nothing", {})), message(text("Done.")), message(text("Yes.")))
    answer = await wire.ask(messages=history, model=model.name)
    assert (answer.status, answer.text) == ("completed", "Done.")
    assert [_plain(m) for m in model.requests[0]["messages"]] == history
    starts = [event.data for event in await log(house, answer.run_id) if event.name == "message_start"]
    assert [(start["turn"], start["attempt"]) for start in starts] == [(1, 1), (2, 1)]
    again = await wire.ask(prompt="Sure?", model=model.name, chat_id=answer.chat_id)
    assert again.text == "Yes."
    assert [_plain(m) for m in model.requests[2]["messages"][: len(history)]] == history


def _plain(message: dict[str, Any]) -> dict[str, Any]:
    """A message whose content is the text itself when it is one block of text."""
    content = message["content"]
    alone = len(content) == 1 and isinstance(content, list) and content[0]["type"] == "text"
    return {**message, "content": content[0]["text"]} if alone else message


async def test_a_pause_without_a_word_is_the_end(house: House, wire: Wire) -> None:
    """There is nothing to continue from: asking again would ask the same question, for ever."""
    model = house.model(message(text("One. "), stop_reason="pause_turn"), message(stop_reason="pause_turn"))
    answer = await wire.ask(prompt="x", model=model.name)
    assert (answer.status, answer.text) == ("completed", "One. ")
    assert len(model.requests) == 2
