"""What a client says back: cancel, approvals, results, and functions as client tools."""

from __future__ import annotations

import asyncio
from typing import Any, Literal

import pytest
from clients.scripted_service import DROP, HOLD, RUN, Act, Said, ScriptedService, connected, numbered
from oricode_client import ClientTool, OricodeClient, errors, events, tool

START = ("message_start", {"message": "m", "message_id": "msg_1", "turn": 1, "attempt": 1, "model": "scripted"})
STOP = ("message_stop", {"message": "m", "message_id": "msg_1", "stop_reason": "tool_use"})
DONE = ("done", {"message": "Complete", "status": "completed"})
RESULTS = f"/api/runs/{RUN}/tool_results"


def calling(name: str, **arguments: Any) -> list[Said]:
    """A run in which the model calls one client tool."""
    call = {"tool_call_id": "call_1", "name": name, "input": arguments, "runs": "client", "deadline": 9}
    result = {"tool_call_id": "call_1", "name": name, "status": "ok", "summary": "s"}
    return numbered([START, STOP, ("tool_call", call), ("tool_result", result), DONE])


@tool
def read_editor(path: str, first_line: int = 1) -> str:
    """The text of an open editor."""
    return f"{path} from {first_line}"


async def results_after(service: ScriptedService, client: OricodeClient, story: list[Said], made: ClientTool) -> Any:
    """Play ``story`` up to its call, wait for the answer, play the rest; the answer's body."""
    service.replies["POST", RESULTS] = [(200, {})]
    service.plays(Act(connected(), *story[:3], HOLD, *story[3:]))
    async with client.chat("hi", tools=[made]) as run, asyncio.timeout(5):
        async for event in run:
            if isinstance(event, events.ToolCall):
                await service.wait_until_asked(lambda asked: asked.path == RESULTS)
                service.release.set()
    (answer,) = (asked.body for asked in service.asked if asked.path == RESULTS)
    return answer


async def test_a_marked_function_is_offered_and_answers_by_itself(
    service: ScriptedService, client: OricodeClient
) -> None:
    answer = await results_after(service, client, calling("read_editor", path="a.abap"), read_editor)
    assert answer == {"tool_call_id": "call_1", "content": "a.abap from 1", "is_error": False}
    body = service.starts_and_resumes[0].body
    (offered,) = body.get("data", body)["tools"]
    assert offered == read_editor.definition
    assert offered["input_schema"]["properties"] == {"path": {"type": "string"}, "first_line": {"type": "integer"}}
    assert offered["input_schema"]["required"] == ["path"]


async def test_an_async_function_answers_json(service: ScriptedService, client: OricodeClient) -> None:
    @tool(name="list_files", description="Files of the project.")
    async def files(kind: Literal["abap", "json"], limit: int | None = None) -> list[str]:
        await asyncio.sleep(0)
        return [f"a.{kind}"]

    assert files.input_schema["properties"] == {"kind": {"enum": ["abap", "json"]}, "limit": {"type": "integer"}}
    answer = await results_after(service, client, calling("list_files", kind="abap"), files)
    assert answer["content"] == '["a.abap"]'


async def test_a_function_that_raises_becomes_an_error_result(service: ScriptedService, client: OricodeClient) -> None:
    @tool
    def broken() -> str:
        """Fails."""
        raise LookupError("no editor is open")

    answer = await results_after(service, client, calling("broken"), broken)
    assert answer == {"tool_call_id": "call_1", "content": "LookupError: no editor is open", "is_error": True}


async def test_arguments_that_do_not_fit_become_an_error_result(
    service: ScriptedService, client: OricodeClient
) -> None:
    answer = await results_after(service, client, calling("read_editor", file="a"), read_editor)
    assert answer["is_error"]
    assert "read_editor" in answer["content"]


async def test_a_replayed_call_that_was_answered_is_not_run_again(
    service: ScriptedService, client: OricodeClient
) -> None:
    ran = []

    @tool
    def apply_edit() -> str:
        """Has a side effect."""
        ran.append(1)
        return "done"

    story = calling("apply_edit")
    ended = {"tool_call_id": "call_1", "name": "apply_edit", "state": "ended"}
    service.replies["GET", f"/api/runs/{RUN}"] = [(200, {"run_id": RUN, "state": {"tool_calls": [ended]}})]
    service.plays(Act(connected(), *story[:2], DROP), Act(connected("replay"), story[2], HOLD, *story[3:]))
    async with client.chat("hi", tools=[apply_edit]) as run, asyncio.timeout(5):
        async for event in run:
            if isinstance(event, events.ToolCall):
                await service.wait_until_asked(lambda asked: asked.method == "GET" and asked.path.endswith(RUN))
                service.release.set()
    assert ran == []


async def test_a_call_that_still_waits_after_a_reconnect_is_answered(
    service: ScriptedService, client: OricodeClient
) -> None:
    story = calling("read_editor", path="a")
    waiting = {"tool_call_id": "call_1", "name": "read_editor", "state": "running"}
    service.replies["GET", f"/api/runs/{RUN}"] = [(200, {"run_id": RUN, "state": {"tool_calls": [waiting]}})]
    service.replies["POST", RESULTS] = [(503, {"code": "restarting"}), (200, {})]
    service.plays(Act(connected(), *story[:2], DROP), Act(connected("replay"), story[2], HOLD, *story[3:]))
    async with client.chat("hi", tools=[read_editor]) as run, asyncio.timeout(10):
        async for event in run:
            if isinstance(event, events.ToolCall):
                await service.wait_until_asked(lambda asked: asked.path == RESULTS, times=2)
                service.release.set()
    assert run.status == "completed"


async def test_an_answer_that_came_second_is_no_error_for_the_reader(
    service: ScriptedService, client: OricodeClient
) -> None:
    story = calling("read_editor", path="a")
    service.replies["POST", RESULTS] = [(409, {"code": "already_answered"})]
    service.plays(Act(connected(), *story[:3], HOLD, *story[3:]))
    async with client.chat("hi", tools=[read_editor]) as run, asyncio.timeout(5):
        async for event in run:
            if isinstance(event, events.ToolCall):
                await service.wait_until_asked(lambda asked: asked.path == RESULTS)
                service.release.set()
    assert run.status == "completed"


async def test_cancel_is_asked_and_the_run_ends_as_the_service_says(
    service: ScriptedService, client: OricodeClient
) -> None:
    cancelled = numbered([START, ("done", {"message": "Cancelled", "status": "cancelled", "usage": {"a": 1}})])
    service.replies["POST", f"/api/runs/{RUN}/cancel"] = [(202, {"run_id": RUN, "status": "cancelling"})]
    service.plays(Act(connected(), cancelled[0], HOLD, cancelled[1]))
    async with client.chat("hi") as run, asyncio.timeout(5):
        await run.cancel()
        service.release.set()
        with pytest.raises(errors.RunCancelled):
            await run.result()
    assert run.status == "cancelled"


async def test_an_approval_is_answered_once_and_the_second_is_told(
    service: ScriptedService, client: OricodeClient
) -> None:
    path = f"/api/runs/{RUN}/approvals/appr_1"
    service.replies["POST", path] = [(200, {}), (409, {"code": "already_answered", "detail": "Somebody was first."})]
    service.plays(Act(connected(), *numbered([START, DONE])))
    async with client.chat("hi", approvals=True) as run:
        await run.approve("appr_1", "deny", "not today")
        with pytest.raises(errors.Conflict, match="Somebody was first"):
            await run.approve("appr_1")
    first, second = (asked.body for asked in service.asked if asked.path == path)
    assert first == {"decision": "deny", "comment": "not today"}
    assert second == {"decision": "approve"}


async def test_an_echo_of_an_answer_that_was_lost_is_success(service: ScriptedService, client: OricodeClient) -> None:
    service.replies["POST", RESULTS] = [(503, {"code": "unavailable"}), (409, {"code": "already_answered"})]
    service.plays(Act(connected(), *numbered([START, DONE])))
    async with client.chat("hi") as run:
        await run.tool_result("call_1", "x")
    assert len([asked for asked in service.asked if asked.path == RESULTS]) == 2


async def test_answering_before_the_service_named_the_run_says_so(client: OricodeClient) -> None:
    with pytest.raises(errors.NotStarted):
        await client.chat("hi").cancel()


def test_a_parameter_without_a_json_type_is_refused_when_it_is_marked() -> None:
    with pytest.raises(TypeError, match="input_schema"):

        @tool
        def odd(where: complex) -> str:
            """Never offered."""
            return ""
