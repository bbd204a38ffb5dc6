"""Questions to viewers: client tools and approvals, asked and answered over every transport."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from conformance.house import House, Scripted
from conformance.wires import PATIENCE, Answer, Event, Open, Wire, log
from upstream import message, text, tool_use

pytestmark = pytest.mark.asyncio(loop_scope="session")
READ_EDITOR = {"name": "read_editor", "description": "Text of an editor.", "input_schema": {"type": "object"}}
CHECK = message(text("Let me check."), tool_use("toolu_check", "mcp_check_syntax", {"program": "ZNONE"}))


@asynccontextmanager
async def asking(wire: Wire, model: Scripted, event: str, **body: Any) -> AsyncIterator[tuple[Open, Event]]:
    """A run that has just asked its viewers."""
    async with asyncio.timeout(PATIENCE), wire.open(prompt="x", model=model.name, **body) as run:
        asked = await run.until(event)
        assert asked is not None
        yield run, asked


async def ended(house: House, wire: Wire, run: Open) -> list[Event]:
    """The log of a run that has been answered; a JSON client asks again by the run's id."""
    if wire.name != "json":
        await run.answer()
    return await log(house, run.run_id)


async def test_a_client_tool_is_called_and_its_answer_reaches_the_model(house: House, wire: Wire) -> None:
    model = house.model(message(tool_use("toolu_1", "read_editor", {"path": "a.abap"})), message(text("Seen.")))
    async with asking(wire, model, "tool_call", tools=[READ_EDITOR]) as (run, call):
        assert (call.data["name"], call.data["input"], call.data["runs"]) == (
            "read_editor", {"path": "a.abap"}, "client",
        )  # fmt: skip
        assert call.data["deadline"] > 0
        taken = await wire.tool_result(run.run_id, tool_call_id=call.data["tool_call_id"], content="REPORT za.")
        assert "code" not in taken
        events = await ended(house, wire, run)
    assert events[-1].data["status"] == "completed"
    (result,) = model.requests[1]["messages"][-1]["content"]
    assert result["tool_use_id"] == "toolu_1"
    assert "REPORT za." in str(result["content"])
    assert [e.data["status"] for e in events if e.name == "tool_result"] == ["ok"]


async def test_an_error_of_a_client_tool_is_told_as_one(house: House, wire: Wire) -> None:
    model = house.model(message(tool_use("toolu_1", "read_editor", {})), message(text("A pity.")))
    async with asking(wire, model, "tool_call", tools=[READ_EDITOR]) as (run, call):
        await wire.tool_result(
            run.run_id, tool_call_id=call.data["tool_call_id"], content="no such file", is_error=True
        )
        events = await ended(house, wire, run)
    assert model.requests[1]["messages"][-1]["content"][0]["is_error"] is True
    assert [e.data["status"] for e in events if e.name == "tool_result"] == ["error"]


async def test_the_first_answer_counts_and_a_second_is_told_so(house: House, wire: Wire) -> None:
    model = house.model(message(tool_use("toolu_1", "read_editor", {})), message(text("Thanks.")))
    async with asking(wire, model, "tool_call", tools=[READ_EDITOR]) as (run, call):
        answer = {"tool_call_id": call.data["tool_call_id"]}
        assert "code" not in await wire.tool_result(run.run_id, content="first", **answer)
        assert (await wire.tool_result(run.run_id, content="second", **answer))["code"] == "already_answered"
        await ended(house, wire, run)
    assert "first" in str(model.requests[1]["messages"][-1])


async def test_an_answer_that_nobody_waits_for_is_refused(house: House, wire: Wire) -> None:
    answer = await wire.ask(prompt="x", model="echo")
    refused = await wire.tool_result(answer.run_id, tool_call_id="toolu_none", content="x")
    assert (refused["code"], refused["status"]) == ("not_pending", 409)


async def test_a_json_answer_ends_when_only_the_client_can_go_on(house: House) -> None:
    model = house.model(message(tool_use("toolu_1", "read_editor", {"path": "a"})), message(text("Seen.")))
    body = {"prompt": "x", "model": model.name, "tools": [READ_EDITOR]}
    made = (await house.http.post("/api/chat", json=body)).json()
    assert made["status"] == "waiting"
    (call,) = made["tool_calls"]
    assert (call["name"], call["input"]) == ("read_editor", {"path": "a"})
    answer = {"tool_call_id": call["tool_call_id"], "content": "x"}
    assert (await house.http.post(f"/api/runs/{made['run_id']}/tool_results", json=answer)).status_code == 200
    await log(house, made["run_id"])
    later = (await house.http.get(f"/api/runs/{made['run_id']}")).json()
    assert (later["status"], later["text"]) == ("completed", "Seen.")


async def test_an_approval_given_lets_the_tool_run(house: House, wire: Wire) -> None:
    model = house.model(CHECK, message(text("Checked.")))
    async with asking(wire, model, "approval_required", approvals=True) as (run, asked):
        assert len(asked.data["input_digest"]) == 64
        assert "code" not in await wire.approve(run.run_id, asked.data["approval_id"], "approve")
        again = await wire.approve(run.run_id, asked.data["approval_id"], "deny")
        assert again["code"] == "already_answered"
        events = await ended(house, wire, run)
    names = [event.name for event in events]
    assert names.index("approval_required") < names.index("approval_resolved") < names.index("tool_call")
    (resolved,) = [e.data for e in events if e.name == "approval_resolved"]
    assert resolved["decision"] == "approve"
    assert resolved["by"]
    (result,) = [e.data for e in events if e.name == "tool_result"]
    assert result["status"] != "denied"


async def test_an_approval_denied_keeps_the_tool_from_running(house: House, wire: Wire) -> None:
    model = house.model(CHECK, message(text("Understood.")))
    async with asking(wire, model, "approval_required", approvals=True) as (run, asked):
        assert "code" not in await wire.approve(run.run_id, asked.data["approval_id"], "deny")
        events = await ended(house, wire, run)
    assert [e.data["status"] for e in events if e.name == "tool_result"] == ["denied"]
    assert not [e for e in events if e.name == "progress"]
    assert model.requests[1]["messages"][-1]["content"][0]["is_error"] is True


async def test_a_client_that_cannot_ask_gets_a_denial_and_an_answer(house: House, wire: Wire) -> None:
    model = house.model(CHECK, message(text("Then not.")))
    answer: Answer = await wire.ask(prompt="x", model=model.name)
    assert answer.text == "Let me check.Then not."
    events = await log(house, answer.run_id)
    assert [e.data["status"] for e in events if e.name == "tool_result"] == ["denied"]
    assert not [e for e in events if e.name == "approval_required"]


async def test_somebody_else_can_neither_answer_nor_approve(house: House, wire: Wire) -> None:
    model = house.model(CHECK, message(text("ok")))
    async with asking(wire, model, "approval_required", approvals=True) as (run, asked):
        async with house.client(house.other_key) as other:
            path = f"/api/runs/{run.run_id}/approvals/{asked.data['approval_id']}"
            assert (await other.post(path, json={"decision": "approve"})).status_code == 404
        await wire.cancel(run.run_id)
        await ended(house, wire, run)
