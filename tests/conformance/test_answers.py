"""The same answer over every transport: text, ids, terminal event, history, odd characters."""

from __future__ import annotations

from typing import Any

import pytest
from conformance.house import DEFAULT_MODEL, House
from conformance.wires import WIRES, Wire, log
from protocol.recorded import read
from upstream import message, text, thinking

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
    odd = [",", "{", '"', ",", ",", "}", "\\", '","', ":", ","]
    model = house.model(message(text(odd)))
    answer = await wire.ask(prompt="x", model=model.name)
    assert (answer.status, answer.text) == ("completed", "".join(odd))
    shown = [event.data["text"] for event in await log(house, answer.run_id) if event.name == "content"]
    assert shown == odd


async def test_an_emoji_that_a_model_cut_in_two_arrives_whole(house: House, wire: Wire) -> None:
    model = house.model(message(text(["half ", "\ud83d", "\ude00", " done"])))
    answer = await wire.ask(prompt="x", model=model.name)
    whole = answer.text.encode("utf-16", "surrogatepass").decode("utf-16")
    assert whole == "half 😀 done"


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
