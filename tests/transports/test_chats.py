"""Chats, runs and small things over HTTP: listed, read, renamed, deleted; feedback; documents of live runs."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from conformance.house import House
from conformance.wires import PATIENCE, log
from transports.reading import data, stream
from upstream import WaitFor, message, text, tool_use

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def ask(house: House, **body: Any) -> dict[str, Any]:
    made = await house.http.post("/api/chat", json={"prompt": "x", "model": "echo", **body})
    assert made.status_code == 200, made.text
    answer: dict[str, Any] = made.json()
    return answer


async def test_pages_of_chats_hold_every_chat_once_latest_first(house: House) -> None:
    """Chats that were touched in the same millisecond too."""
    key = await house.make_key("pages")
    async with house.client(key) as http, asyncio.timeout(PATIENCE):
        asked = [http.post("/api/chat", json={"prompt": f"chat {n}", "model": "echo"}) for n in range(25)]
        wanted = {response.json()["chat_id"] for response in await asyncio.gather(*asked)}
        found: list[dict[str, Any]] = []
        query = "?limit=3"
        while True:
            page = (await http.get(f"/api/chats{query}")).json()
            found += page["chats"]
            if "next" not in page:
                break
            query = f"?limit=3&before={page['next']}"
    assert [chat["chat_id"] for chat in found if found.count(chat) > 1] == []
    assert {chat["chat_id"] for chat in found} == wanted
    assert [chat["updated_at"] for chat in found] == sorted((chat["updated_at"] for chat in found), reverse=True)


async def test_messages_of_a_chat_come_in_order_and_in_pages(house: House) -> None:
    first = await ask(house, prompt="one")
    for prompt in ("two", "three"):
        await ask(house, prompt=prompt, chat_id=first["chat_id"])
    path = f"/api/chats/{first['chat_id']}"
    whole = (await house.http.get(path)).json()["messages"]
    assert [m["role"] for m in whole] == ["user", "assistant"] * 3
    assert [m["content"] for m in whole[::2]] == ["one", "two", "three"]
    assert whole[1]["content"] == [{"type": "text", "text": "one"}]
    paged: list[dict[str, Any]] = []
    query = "?limit=4"
    while True:
        page = (await house.http.get(path + query)).json()
        paged += page["messages"]
        if "next" not in page:
            break
        query = f"?limit=4&after={page['next']}"
    assert paged == whole


async def test_a_chat_is_named_after_its_first_question_until_it_is_renamed(house: House) -> None:
    chat = (await ask(house, prompt="  Why is\nthe sky blue? "))["chat_id"]
    path = f"/api/chats/{chat}"
    assert (await house.http.get(path)).json()["title"] == "Why is the sky blue?"
    renamed = await house.http.patch(path, json={"title": "Sky \U0001f600"})
    assert (renamed.status_code, renamed.json()["title"]) == (200, "Sky \U0001f600")
    assert (await house.http.get(path)).json()["title"] == "Sky \U0001f600"


async def test_a_deleted_chat_is_gone_with_its_runs(house: House) -> None:
    made = await ask(house)
    path = f"/api/chats/{made['chat_id']}"
    assert (await house.http.delete(path)).status_code == 204
    for gone in (path, f"/api/runs/{made['run_id']}", f"/api/runs/{made['run_id']}/events"):
        assert (await house.http.get(gone)).status_code == 404
    assert (await house.http.delete(path)).status_code == 404


async def test_deleting_a_chat_cancels_its_live_run_first(house: House) -> None:
    model = house.model([*message(text("busy"))[:4], WaitFor("never")])
    async with stream(house, "POST", "/api/chat", json={"prompt": "x", "model": model.name, "stream": True}) as opened:
        connected = data((await opened.block()) or {})
        await opened.until("content")
        assert (await house.http.get(f"/api/chats/{connected['chat_id']}")).json()["live_run"] == connected["run_id"]
        assert (await house.http.delete(f"/api/chats/{connected['chat_id']}")).status_code == 204
        done = await opened.until("done")
        assert data(done)["status"] == "cancelled"
    await model.until_closed()
    assert (await house.http.get(f"/api/chats/{connected['chat_id']}")).status_code == 404


async def test_the_document_of_a_live_run_grows_with_it(house: House) -> None:
    whole = message(text("ab", pieces=2))
    model = house.model([*whole[:4], WaitFor("document"), *whole[4:]])
    async with stream(house, "POST", "/api/chat", json={"prompt": "x", "model": model.name, "stream": True}) as opened:
        run = data((await opened.block()) or {})["run_id"]
        content = await opened.until("content")
        live = (await house.http.get(f"/api/runs/{run}")).json()
        assert (live["status"], live["text"], live["last_event_id"]) == ("running", "a", content["id"])
        assert live["state"]["messages"][0]["complete"] is False
        house.upstream.release("document")
        done = await opened.until("done")
    ended = (await house.http.get(f"/api/runs/{run}")).json()
    assert (ended["status"], ended["text"], ended["last_event_id"]) == ("completed", "ab", done["id"])
    assert ended["model"] == model.name
    assert ended["message"] == {"role": "assistant", "content": [{"type": "text", "text": "ab"}]}


async def test_feedback_can_be_given_and_changed(house: House) -> None:
    run = (await ask(house))["run_id"]
    for rating in ("up", "down"):
        response = await house.http.post(f"/api/runs/{run}/feedback", json={"rating": rating, "comment": "because"})
        assert (response.status_code, response.json()) == (200, {"run_id": run, "rating": rating})


async def test_models_are_listed_with_the_default_first(house: House) -> None:
    listed = (await house.http.get("/api/models")).json()
    assert listed["default"] == listed["models"][0] == "claude-sonnet-5-5"
    assert {"demo", "echo"} <= set(listed["models"])


async def test_a_program_stored_in_chunks_is_there_with_what_is_missing(house: House) -> None:
    def chunk(index: int, code: str) -> Any:
        call = {"program": "zparts", "chunk_index": index, "total_chunks": 2, "code": code}
        return message(tool_use(f"toolu_part{index}", "mcp_store_code_chunk", call))

    model = house.model(chunk(0, "REPORT zparts.\n"), message(text("One of two.")))
    first = await ask(house, model=model.name)
    half = (await house.http.get("/api/programs/zparts")).json()
    assert (half["name"], half["chunks"], half["missing"], half["source"]) == ("ZPARTS", 1, [1], None)
    model = house.model(chunk(1, "WRITE / 'x'.\n"), message(text("Both.")))
    await ask(house, model=model.name)
    whole = (await house.http.get("/api/programs/ZPARTS")).json()
    assert (whole["missing"], whole["source"]) == ([], "REPORT zparts.\nWRITE / 'x'.\n")
    progress = [event.data for event in await log(house, first["run_id"]) if event.name == "progress"]
    assert progress[0]["message"] == "Storing chunk 1/2..."
    assert (progress[0]["type"], progress[0]["progress"]) == ("chunking", 50)


async def test_health_needs_no_key_and_says_that_it_is_ready(house: House) -> None:
    for path in ("/healthz", "/readyz"):
        response = await house.http.get(path, headers={"X-API-Key": ""})
        assert (response.status_code, response.json()) == (200, {"status": "ok"})
