"""The client against the real service, over all three transports."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from clients.bad_path import BadPath
from clients.real_service import RealService
from oricode_client import OricodeClient, Pace, errors, events, tool

TRANSPORTS = ("sse", "websocket", "json")
EAGER = Pace(base=0.05, cap=0.2, start_patience=20)


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_odd_text_comes_back_verbatim(real_service: RealService, transport: Any) -> None:
    text = "Zeile\nevent: done\ndata: {}\n\n\0 👩‍💻 \u2028 ende"
    async with OricodeClient(real_service.url, real_service.key, transport=transport) as client:
        assert await client.ask(text, model="echo") == text


@pytest.mark.parametrize("transport", ["sse", "websocket"])
async def test_a_killed_service_costs_no_character(tmp_path: Path, transport: Any) -> None:
    expected = "".join(f"delta {number:05d} " for number in range(300))
    async with RealService(tmp_path, ORICODE_HEARTBEAT_SECONDS="1", ORICODE_MODEL="firehose") as service:
        async with OricodeClient(service.url, service.key, transport=transport, pace=EAGER) as client:
            run = client.chat("load", model="firehose:300@100")
            ids: list[str] = []
            reconnects = 0
            async with asyncio.timeout(60):
                async for event in run:
                    reconnects += isinstance(event, events.Reconnecting)
                    if event.durable:
                        ids.append(run.last_event_id)
                    if event.durable and len(ids) == 60:
                        await service.kill()
                        await service.start()
            assert run.text == expected
            assert run.status == "completed"
            assert reconnects >= 1
            assert len(set(ids)) == len(ids)
            await run.aclose()


@pytest.mark.parametrize("transport", ["sse", "websocket"])
async def test_connections_cut_every_moment_cost_no_character(real_service: RealService, transport: Any) -> None:
    async with BadPath(real_service.url, total_cap=0.15) as path:
        async with OricodeClient(path.url, real_service.key, transport=transport, pace=EAGER) as client:
            async with asyncio.timeout(60), client.chat("load", model="firehose:200@100") as run:
                reconnects = len([event async for event in run if isinstance(event, events.Reconnecting)])
                assert run.text == "".join(f"delta {number:05d} " for number in range(200))
    assert reconnects >= 5


async def test_a_silent_path_is_noticed_and_left(real_service: RealService) -> None:
    """The path holds everything back for longer than the heartbeat allows; the next connection is healthy."""
    async with OricodeClient(real_service.url, real_service.key, pace=EAGER, silence=0.5) as client:
        async with asyncio.timeout(30), client.chat("x", model="firehose:3@0.7") as run:
            seen = [event.event async for event in run]
        assert "reconnecting" in seen
        assert run.text == "delta 00000 delta 00001 delta 00002 "


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_cancelling_ends_the_run_as_cancelled(real_service: RealService, transport: Any) -> None:
    async with OricodeClient(real_service.url, real_service.key, transport=transport) as client:
        async with asyncio.timeout(20), client.chat("x", model="firehose:100@1") as run:
            if transport == "json":  # one document names the run only at its end
                chats = (await client.chats())["chats"]
                await client.cancel(chats[0]["live_run"])
            else:
                await run.cancel()
            with pytest.raises(errors.RunCancelled):
                await run.result()


async def test_a_second_viewer_sees_the_same_run(real_service: RealService) -> None:
    async with OricodeClient(real_service.url, real_service.key) as client, asyncio.timeout(20):
        async with client.chat("x", model="firehose:50@50") as first:
            assert first.run_id is not None
            async with client.attach(first.run_id, transport="websocket") as second:
                assert await first.result() == await second.result()
        assert first.state()["messages"] == second.state()["messages"]


async def test_the_same_key_attaches_instead_of_starting_again(real_service: RealService) -> None:
    async with OricodeClient(real_service.url, real_service.key) as client, asyncio.timeout(20):
        async with client.chat("x", model="firehose:20@20", idempotency_key="mine") as first:
            async with client.chat("x", model="firehose:20@20", idempotency_key="mine", transport="websocket") as again:
                assert first.run_id == again.run_id
        with pytest.raises(errors.Conflict):
            await client.ask("y", model="echo", idempotency_key="mine")


async def test_a_wrong_key_is_refused(real_service: RealService) -> None:
    async with OricodeClient(real_service.url, "wrong") as client:
        for transport in TRANSPORTS:
            with pytest.raises(errors.Unauthorized):
                await client.ask("x", transport=transport)


async def test_chats_are_listed_read_renamed_and_deleted(real_service: RealService) -> None:
    async with OricodeClient(real_service.url, real_service.key) as client:
        async with client.chat("remember me", model="echo") as run:
            await run.result()
        assert run.chat_id is not None
        await client.rename_chat(run.chat_id, "A name")
        (chat,) = (await client.chats())["chats"]
        assert (chat["chat_id"], chat["title"]) == (run.chat_id, "A name")
        messages = (await client.messages(run.chat_id))["messages"]
        assert [message["role"] for message in messages] == ["user", "assistant"]
        await client.delete_chat(run.chat_id)
        with pytest.raises(errors.NotFound):
            await client.messages(run.chat_id)


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_client_tool_is_called_and_its_answer_reaches_the_model(tmp_path: Path, transport: Any) -> None:
    script = tmp_path / "script.yaml"
    script.write_text(
        "scenes:\n  - - say: I look.\n    - call: read_editor\n      input: {path: a.abap}\n  - - say: Seen.\n"
    )

    @tool
    def read_editor(path: str) -> str:
        """The text of an open editor."""
        return f"REPORT {path}."

    async with RealService(tmp_path / "data", ORICODE_SCRIPT=str(script)) as service:
        async with OricodeClient(service.url, service.key, transport=transport) as client, asyncio.timeout(20):
            async with client.chat("look", model="demo", tools=[read_editor]) as run:
                assert await run.result() == "I look.Seen."
            document = await client.run(run.run_id or "")
    (call,) = document["state"]["tool_calls"]
    assert (call["name"], call["status"]) == ("read_editor", "ok")


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_an_approval_given_lets_the_tool_run(tmp_path: Path, transport: Any) -> None:
    script = tmp_path / "script.yaml"
    script.write_text("scenes:\n  - - call: mcp_check_syntax\n      input: {program: ZX}\n  - - say: Checked.\n")
    async with RealService(tmp_path / "data", ORICODE_SCRIPT=str(script), ORICODE_APPROVALS="*=ask") as service:
        async with OricodeClient(service.url, service.key, transport=transport) as client, asyncio.timeout(20):
            async with client.chat("check", model="demo", approvals=True) as run:
                async for event in run:
                    if isinstance(event, events.ApprovalRequired):
                        await run.approve(event.approval_id)
                assert run.text == "Checked."
