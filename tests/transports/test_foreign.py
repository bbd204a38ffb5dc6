"""What belongs to somebody else looks exactly like what does not exist, on every route the application has."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import fields
from typing import Any
from unittest.mock import MagicMock

import pytest
import pytest_asyncio
from conformance.house import House
from conformance.wires import log, socket
from oricode_protocol.commands import COMMANDS
from oricode_service.transports.api import Api
from oricode_service.web import application
from starlette.routing import Route
from upstream import message, text, tool_use

pytestmark = pytest.mark.asyncio(loop_scope="session")
BODIES: dict[str, dict[str, Any]] = {
    "/api/runs/{run}/tool_results": {"tool_call_id": "t", "content": "x"},
    "/api/runs/{run}/approvals/{approval}": {"decision": "approve"},
    "/api/runs/{run}/feedback": {"rating": "up"},
    "/api/chats/{chat}": {"title": "Mine now"},
}
"""A body that would be taken, for routes that want one."""


def routes() -> Iterator[tuple[str, str]]:
    """(method, path) of every route that names a resource, read from the application itself."""
    api: Any = Api(**{name: MagicMock() for name in inspect.signature(Api).parameters})
    parts: dict[str, Any] = {name: MagicMock() for name in inspect.signature(application).parameters}
    app: Any = application(**parts | {"api": api})
    for route in app._app._app.routes:
        if isinstance(route, Route) and "{" in route.path:
            for method in sorted((route.methods or set()) - {"HEAD"}):
                yield method, route.path


ROUTES = sorted(routes())


async def test_the_routes_are_those_that_were_thought_of() -> None:
    """A new route with a resource in its path joins the test below by itself; this one keeps it from being empty."""
    assert ("GET", "/api/runs/{run}/events") in ROUTES
    assert len(ROUTES) >= 10


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def theirs(house: House) -> dict[str, str]:
    """What the other user has: a run, its chat, a program."""
    call = {"program": "ZTHEIRS", "chunk_index": 0, "total_chunks": 1, "code": "REPORT ztheirs."}
    model = house.model(message(tool_use("toolu_1", "mcp_store_code_chunk", call)), message(text("Stored.")))
    async with house.client(house.other_key) as other:
        made = (await other.post("/api/chat", json={"prompt": "x", "model": model.name})).json()
        assert made["status"] == "completed"
        assert (await other.get("/api/programs/ZTHEIRS")).status_code == 200
        assert (await other.get(f"/api/chats/{made['chat_id']}")).status_code == 200
    return {"run": made["run_id"], "chat": made["chat_id"], "name": "ZTHEIRS", "approval": "appr_toolu_1"}


ABSENT = {"run": "run_absent", "chat": "chat_absent", "name": "ZABSENT", "approval": "appr_absent"}


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_foreign_and_absent_are_answered_alike(
    house: House, theirs: dict[str, str], method: str, path: str
) -> None:
    path = path.replace(":path", "")
    answers = []
    for names in (theirs, ABSENT):
        body = BODIES.get(path) if method in ("POST", "PATCH") else None
        asked = {"X-Request-ID": "the-same"}  # it is all that may differ
        response = await house.http.request(method, path.format(**names), json=body, headers=asked)
        answers.append((response.status_code, response.headers["content-type"], response.content))
    assert answers[0] == answers[1]
    assert answers[0][0] == 404


async def test_their_things_are_untouched_by_all_that(house: House, theirs: dict[str, str]) -> None:
    async with house.client(house.other_key) as other:
        assert (await other.get(f"/api/chats/{theirs['chat']}")).json()["title"] != "Mine now"
        assert (await other.get(f"/api/runs/{theirs['run']}")).json()["status"] == "completed"


async def test_a_resumed_post_of_a_foreign_run_is_not_found(house: House, theirs: dict[str, str]) -> None:
    for run in (theirs["run"], "run_absent"):
        response = await house.http.post(
            "/api/chat", headers={"Last-Event-ID": f"{run}.1.1"}, json={"prompt": "x", "model": "echo"}
        )
        assert (response.status_code, response.json()["code"]) == (404, "not_found")


async def test_lists_hold_only_one_s_own(house: House, theirs: dict[str, str]) -> None:
    chats = (await house.http.get("/api/chats?limit=100")).json()["chats"]
    assert theirs["chat"] not in {chat["chat_id"] for chat in chats}
    assert "ZTHEIRS" not in str((await house.http.get("/api/programs")).json())


async def test_one_s_own_run_is_there(house: House) -> None:
    """The control: the same routes answer their owner."""
    run = (await house.http.post("/api/chat", json={"prompt": "x", "model": "echo"})).json()["run_id"]
    assert (await log(house, run))[-1].name == "done"
    assert (await house.http.post(f"/api/runs/{run}/feedback", json={"rating": "up"})).status_code == 200


OVER_WEBSOCKET: dict[str, dict[str, Any]] = {
    "attach": {},
    "cancel": {},
    "tool_result": {"tool_call_id": "t", "content": "x"},
    "approve": {"approval_id": "appr_toolu_1", "decision": "approve"},
}
"""Commands that name a run, and what else they need."""


async def test_the_commands_are_those_that_name_a_run() -> None:
    named = {name for name, command in COMMANDS.items() if "run" in {field.name for field in fields(command)}}
    assert named - {"detach", "feedback"} == set(OVER_WEBSOCKET), (
        "detach is about the connection, feedback is over HTTP"
    )


@pytest.mark.parametrize("command", OVER_WEBSOCKET)
async def test_over_websocket_too(house: House, theirs: dict[str, str], command: str) -> None:
    async with socket(house) as connection:
        replies = []
        for names in (theirs, ABSENT):
            reply = await connection.call(command, run=names["run"], **OVER_WEBSOCKET[command])
            replies.append({key: value for key, value in reply.items() if key != "ref"})
    assert replies[0] == replies[1]
    assert replies[0]["error"]["code"] == "not_found"


async def test_a_chat_of_theirs_cannot_be_continued_over_websocket(house: House, theirs: dict[str, str]) -> None:
    async with socket(house) as connection:
        replies = [
            await connection.call("chat", prompt="x", model="echo", chat_id=names["chat"]) for names in (theirs, ABSENT)
        ]
    assert [reply["error"]["code"] for reply in replies] == ["not_found", "not_found"]
    assert replies[0]["error"] == replies[1]["error"]
