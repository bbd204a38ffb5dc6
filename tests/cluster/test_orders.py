"""What one instance is asked reaches the instance that runs it, without waiting for a poll."""

from __future__ import annotations

import asyncio

import pytest
from cluster.instances import events, watching
from engine.world import ANNA, PATIENCE, Tool, assert_whole
from oricode_protocol.commands import Chat
from oricode_protocol.errors import OricodeError
from oricode_service.engine.runs import Asker
from oricode_service.models.script import Call, Pause, Say, Script

ENDLESS = Script(((Say("One moment."), Pause(3600)),))
CLIENT_TOOL = {"name": "open_file", "input_schema": {"type": "object"}}
ASKS = Script(((Call("open_file", {}),), (Say("Thank you."),)))


async def test_a_cancel_through_another_instance_ends_the_run(instances):
    one, other = await instances.start(ENDLESS, 2)
    run = await one.run()
    async with watching(other, run) as seen:
        assert await other.engine.cancel("anna", run.id)
    assert events(seen.result(), "done")[0]["status"] == "cancelled"
    assert (await other.row(run)).status == "cancelled"
    assert not await other.engine.cancel("anna", run.id)


async def test_a_tool_result_given_to_another_instance_brings_the_run_on(instances):
    one, other = await instances.start(ASKS, 2)
    run = await one.run(tools=[CLIENT_TOOL])
    async with watching(other, run) as seen:
        call = await asked(other, run)
        await other.engine.answer("anna", run.id, "tool", call, {"content": "text", "is_error": False})
        with pytest.raises(OricodeError, match="answered first"):
            await one.engine.answer("anna", run.id, "tool", call, {"content": "late", "is_error": False})
    assert assert_whole(seen.result())["text"] == "Thank you."


async def test_an_approval_given_to_another_instance_lets_the_tool_run(instances):
    tool = Tool()
    script = Script(((Call("change", {}),), (Say("Changed it."),)))
    one, other = await instances.start(script, 2, tools=[tool], policy="ask")
    run = await one.run(approvals=True)
    async with watching(other, run) as seen:
        approval = await asked(other, run)
        assert not tool.happened
        await other.engine.answer("anna", run.id, "approval", approval, {"decision": "approve"})
    assert events(seen.result(), "approval_resolved")[0]["by"] == "anna"
    assert list(tool.happened.values()) == [1]


async def asked(instance, run) -> str:
    """The key of the run's question, as soon as it is stored."""
    async with asyncio.timeout(PATIENCE):
        while not (pending := await instance.store.runs.pending(run.no)):
            await asyncio.sleep(0.01)
    return pending[0].key


async def test_a_run_queued_at_another_instance_starts_when_its_chat_is_free(instances):
    one, other = await instances.start(ENDLESS, 2)
    first = await one.run()
    second = await other.run(chat_id=first.chat_id)
    assert second.status == "queued"
    async with watching(one, second) as seen:
        await one.engine.cancel("anna", first.id)
        async with asyncio.timeout(PATIENCE):
            while (await other.row(second)).status != "running":
                await asyncio.sleep(0.01)
        await one.engine.cancel("anna", second.id)
    assert seen.result()[0].event == "queued"


async def test_interrupting_works_across_instances(instances):
    one, other = await instances.start(ENDLESS, 2)
    first = await one.run()
    async with watching(other, first) as seen:
        second = await other.run(chat_id=first.chat_id, if_busy="interrupt")
    assert events(seen.result(), "done")[0]["status"] == "cancelled"
    async with asyncio.timeout(PATIENCE):
        while (await one.row(second)).status != "running":
            await asyncio.sleep(0.01)
    await one.engine.cancel("anna", second.id)


async def test_the_same_start_at_two_instances_is_one_run(instances):
    one, other = await instances.start(ENDLESS, 2)
    chat = Chat(prompt="Go.", model="script", idempotency_key="k")
    started = await asyncio.gather(*(instance.engine.start(ANNA, chat) for instance in (one, other)))
    assert started[0][0].id == started[1][0].id
    assert sorted(fresh for _, fresh in started) == [False, True]
    assert len(one.engine.live) + len(other.engine.live) == 1


async def test_cancelling_before_a_delete_waits_for_the_instance_that_runs(instances):
    one, other = await instances.start(ENDLESS, 2)
    run = await one.run()
    await other.engine.cancel_and_wait("anna", run.id)
    assert await other.store.chats.delete("anna", run.chat_id)


async def test_orders_of_strangers_find_nothing(instances):
    one, other = await instances.start(ENDLESS, 2)
    run = await one.run()
    bert = Asker("bert", "key_bert", "sse")
    for order in (
        other.engine.cancel(bert.user, run.id),
        other.engine.answer(bert.user, run.id, "tool", "call", {}),
        other.engine.row(bert.user, run.id),
    ):
        with pytest.raises(OricodeError, match="no such run"):
            await order
    assert (await other.row(run)).status == "running"
