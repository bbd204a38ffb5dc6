"""Cancel: before, during and after; the upstream call is closed at once, and the run ends exactly once."""

from __future__ import annotations

import asyncio

import pytest
from conformance.house import House
from conformance.wires import PATIENCE, Wire, log
from upstream import WaitFor, message, text, tool_use

pytestmark = pytest.mark.asyncio(loop_scope="session")
NEVER = WaitFor("never")


async def test_cancelling_before_the_first_delta_ends_the_run(house: House, wire: Wire) -> None:
    model = house.model([NEVER])
    async with asyncio.timeout(PATIENCE), wire.open(prompt="x", model=model.name) as run:
        await run.until("message_start")
        await model.until_asked()
        await wire.cancel(run.run_id)
        answer = await run.answer()
    assert (answer.status, answer.text) == ("cancelled", "")
    await model.until_closed()


async def test_cancelling_in_mid_sentence_keeps_what_was_shown_and_counts_what_was_used(
    house: House, wire: Wire
) -> None:
    model = house.model([*message(text("To be or not", pieces=3))[:6], NEVER])
    async with asyncio.timeout(PATIENCE), wire.open(prompt="x", model=model.name) as run:
        await run.until("content")
        await model.until_asked()
        await house.upstream.wait_until_reached("never")
        await wire.cancel(run.run_id)
        answer = await run.answer()
    await model.until_closed()
    assert answer.status == "cancelled"
    assert "To be or not".startswith(answer.text)
    assert answer.usage
    assert answer.usage["input_tokens"] == 12
    events = await log(house, answer.run_id)
    assert [event.name for event in events].count("done") == 1
    chat = (await house.http.get(f"/api/chats/{answer.chat_id}")).json()
    assert [m["role"] for m in chat["messages"]] == ["user", "assistant"]


async def test_cancelling_while_a_client_tool_is_awaited_closes_the_call(house: House, wire: Wire) -> None:
    model = house.model(message(tool_use("toolu_1", "read_editor", {"path": "a"})))
    tools = [{"name": "read_editor", "description": "d", "input_schema": {"type": "object"}}]
    async with asyncio.timeout(PATIENCE), wire.open(prompt="x", model=model.name, tools=tools) as run:
        await run.until("tool_call")
        await wire.cancel(run.run_id)
        if wire.name != "json":  # a JSON answer ends as soon as the run waits for its client
            assert (await run.answer()).status == "cancelled"
    events = await log(house, run.run_id)
    assert [event.name for event in events[-2:]] == ["tool_result", "done"]
    late = await wire.tool_result(run.run_id, tool_call_id=events[-2].data["tool_call_id"], content="late")
    assert late["code"] == "not_pending"


async def test_cancelling_a_queued_run_ends_it_without_a_model_call(house: House, wire: Wire) -> None:
    model = house.model([*message(text("busy"))[:4], NEVER])
    async with asyncio.timeout(PATIENCE), wire.open(prompt="x", model=model.name) as first:
        await first.until("content")
        async with wire.open(prompt="y", model=model.name, chat_id=first.chat_id) as second:
            await second.until("queued")
            await wire.cancel(second.run_id)
            assert (await second.answer()).status == "cancelled"
        await wire.cancel(first.run_id)
        assert (await first.answer()).status == "cancelled"
    assert len(model.requests) == 1


async def test_cancelling_after_the_end_changes_nothing(house: House, wire: Wire) -> None:
    answer = await wire.ask(prompt="x", model="echo")
    before = await log(house, answer.run_id)
    await wire.cancel(answer.run_id)
    await wire.cancel(answer.run_id)
    assert await log(house, answer.run_id) == before


async def test_cancelling_twice_is_202_then_200(house: House, wire: Wire) -> None:
    model = house.model([NEVER])
    async with asyncio.timeout(PATIENCE), wire.open(prompt="x", model=model.name) as run:
        await run.until("message_start")
        first = await house.http.post(f"/api/runs/{run.run_id}/cancel")
        second = await house.http.post(f"/api/runs/{run.run_id}/cancel")
        assert (first.status_code, second.status_code) == (202, 200)
        assert (await run.answer()).status == "cancelled"


async def test_losing_the_connection_does_not_cancel_the_run(house: House, wire: Wire) -> None:
    milestone = f"go-{wire.name}"
    model = house.model([*message(text("All of it."))[:3], WaitFor(milestone), *message(text("All of it."))[3:]])
    async with asyncio.timeout(PATIENCE), wire.open(prompt="x", model=model.name) as run:
        await run.until("message_start")
        await house.upstream.wait_until_reached(milestone)
        await run.leave()
    house.upstream.release(milestone)
    events = await log(house, run.run_id)
    assert events[-1].data["status"] == "completed"


async def test_losing_the_connection_cancels_the_run_that_asked_for_it(house: House, wire: Wire) -> None:
    model = house.model([NEVER])
    body = {"prompt": "x", "model": model.name, "on_disconnect": "cancel", "idempotency_key": f"gone-{wire.name}"}
    async with asyncio.timeout(PATIENCE), wire.open(**body) as run:
        await model.until_asked()
        if wire.name != "json":
            await run.until("message_start")
        await run.leave()
        await model.until_closed()
    answer = await wire.ask(**body)
    assert answer.status == "cancelled"
