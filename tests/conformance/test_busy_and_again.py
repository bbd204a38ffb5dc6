"""A chat that is busy, and requests that are sent again: over every transport."""

from __future__ import annotations

import asyncio

import pytest
from conformance.house import House
from conformance.wires import PATIENCE, Wire, log
from upstream import WaitFor, message, text

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_second_run_of_a_chat_waits_for_the_first(house: House, wire: Wire) -> None:
    milestone = f"enqueue-{wire.name}"
    slow = message(text("First."))
    model = house.model([*slow[:4], WaitFor(milestone), *slow[4:]], message(text("Second.")))
    async with asyncio.timeout(PATIENCE), wire.open(prompt="1", model=model.name) as first:
        await first.until("content")
        async with wire.open(prompt="2", model=model.name, chat_id=first.chat_id) as second:
            queued = await second.until("queued")
            assert queued is not None
            assert queued.data["position"] == 1
            assert len(model.requests) == 1
            house.upstream.release(milestone)
            assert (await first.answer()).text == "First."
            assert (await second.answer()).text == "Second."
    assert "First." in str(model.requests[1]["messages"]), "the second run knows the first one's answer"


async def test_a_second_run_can_be_refused_instead(house: House, wire: Wire) -> None:
    model = house.model([*message(text("busy"))[:4], WaitFor("never")])
    async with asyncio.timeout(PATIENCE), wire.open(prompt="1", model=model.name) as first:
        await first.until("content")
        refused = await wire.refused(prompt="2", model=model.name, chat_id=first.chat_id, if_busy="reject")
        assert (refused["code"], refused["status"], refused["retryable"]) == ("chat_busy", 409, True)
        await wire.cancel(first.run_id)
        await first.answer()


async def test_a_second_run_can_interrupt_the_first(house: House, wire: Wire) -> None:
    model = house.model([*message(text("busy"))[:4], WaitFor("never")], message(text("Mine now.")))
    async with asyncio.timeout(PATIENCE), wire.open(prompt="1", model=model.name) as first:
        await first.until("content")
        second = await wire.ask(prompt="2", model=model.name, chat_id=first.chat_id, if_busy="interrupt")
        assert (second.status, second.text) == ("completed", "Mine now.")
        assert (await first.answer()).status == "cancelled"


async def test_a_request_sent_again_with_its_key_finds_its_run(house: House, wire: Wire) -> None:
    model = house.model(message(text("Once.")))
    body = {"prompt": "x", "model": model.name, "idempotency_key": f"again-{wire.name}"}
    first, again = await wire.ask(**body), await wire.ask(**body)
    assert (first.run_id, first.text, first.last_id) == (again.run_id, again.text, again.last_id)
    assert len(model.requests) == 1


async def test_the_same_key_with_another_body_is_refused(house: House, wire: Wire) -> None:
    key = f"other-{wire.name}"
    await wire.ask(prompt="x", model="echo", idempotency_key=key)
    refused = await wire.refused(prompt="y", model="echo", idempotency_key=key)
    assert (refused["code"], refused["status"]) == ("idempotency_mismatch", 409)


async def test_a_hundred_at_once_with_one_key_are_one_run(house: House, wire: Wire) -> None:
    model = house.model(message(text("One for all.")))
    body = {"prompt": "x", "model": model.name, "idempotency_key": f"storm-{wire.name}"}
    answers = await asyncio.gather(*(wire.ask(**body) for _ in range(100)))
    assert len({answer.run_id for answer in answers}) == 1
    assert {answer.text for answer in answers} == {"One for all."}
    assert len(model.requests) == 1


async def test_a_refused_request_is_not_remembered(house: House, wire: Wire) -> None:
    key = f"refused-{wire.name}"
    assert (await wire.refused(prompt="", model="echo", idempotency_key=key))["code"] == "empty_prompt"
    assert (await wire.ask(prompt="better", model="echo", idempotency_key=key)).text == "better"


async def test_the_key_of_one_user_is_not_the_key_of_another(house: House, wire: Wire) -> None:
    key = f"two-users-{wire.name}"
    mine = await wire.ask(prompt="mine", model="echo", idempotency_key=key)
    async with house.client(house.other_key) as other:
        theirs = await other.post("/api/chat", json={"prompt": "theirs", "model": "echo", "idempotency_key": key})
    assert theirs.json()["text"] == "theirs"
    assert theirs.json()["run_id"] != mine.run_id


async def test_the_header_is_an_idempotency_key_too(house: House) -> None:
    headers = {"Idempotency-Key": "by-header"}
    body = {"prompt": "x", "model": "echo"}
    runs = [(await house.http.post("/api/chat", json=body, headers=headers)).json()["run_id"] for _ in range(2)]
    assert runs[0] == runs[1]
    assert (await log(house, runs[0]))[-1].name == "done"
