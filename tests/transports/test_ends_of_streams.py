"""Streams that the service ends on purpose, and events that are gone: what a client is told to do then."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from conformance.house import House
from conformance.wires import PATIENCE, socket
from transports.reading import data, stream
from upstream import WaitFor, message, text
from websockets.exceptions import ConnectionClosed


@pytest.fixture
async def forgetful(tmp_path: Path) -> AsyncIterator[House]:
    """A service that keeps no events of ended runs."""
    async with House(tmp_path, ORICODE_RETENTION_HOURS="0", ORICODE_SWEEP_SECONDS="0.02") as house:
        yield house


async def until_trimmed(house: House, run: str) -> Any:
    """The first answer that is not a stream any more."""
    async with asyncio.timeout(PATIENCE):
        while (response := await house.http.get(f"/api/runs/{run}/events")).status_code == 200:
            pass
    return response


async def test_after_retention_the_events_are_gone_and_the_message_stays(forgetful: House) -> None:
    house = forgetful
    made = (await house.http.post("/api/chat", json={"prompt": "keep me", "model": "echo"})).json()
    gone = await until_trimmed(house, made["run_id"])
    assert (gone.status_code, gone.json()["code"], gone.json()["retryable"]) == (410, "gone", False)
    assert gone.headers["content-type"] == "application/problem+json"
    chat = (await house.http.get(gone.json()["message_url"])).json()
    assert [m["content"] for m in chat["messages"]] == ["keep me", [{"type": "text", "text": "keep me"}]]
    document = (await house.http.get(f"/api/runs/{made['run_id']}")).json()
    assert (document["status"], document["text"]) == ("completed", "keep me")
    for cursor in (f"{made['run_id']}.1.1", f"{made['run_id']}.7.3"):
        again = await house.http.get(f"/api/runs/{made['run_id']}/events", headers={"Last-Event-ID": cursor})
        assert again.status_code == 410
    end = await house.http.get(
        f"/api/runs/{made['run_id']}/events", headers={"Last-Event-ID": document["last_event_id"]}
    )
    assert end.status_code == 204, "who has seen everything is not told that it is gone"
    async with socket(house) as opened:
        assert (await opened.call("attach", run=made["run_id"]))["error"]["code"] == "gone"


async def test_an_idempotency_key_of_a_trimmed_run_is_answered_and_never_runs_again(forgetful: House) -> None:
    house = forgetful
    model = house.model(message(text("Once.")))
    body = {"prompt": "x", "model": model.name, "idempotency_key": "trimmed"}
    made = (await house.http.post("/api/chat", json=body)).json()
    await until_trimmed(house, made["run_id"])
    again = await house.http.post("/api/chat", json=body)
    assert len(model.requests) == 1
    assert again.status_code in (200, 410), again.text
    if again.status_code == 200:
        assert again.json()["text"] == "Once."
    streamed = await house.http.post("/api/chat", json={**body, "stream": True})
    assert streamed.status_code == 410


async def test_a_live_run_is_never_trimmed(forgetful: House) -> None:
    house = forgetful
    whole = message(text("ab", pieces=2))
    model = house.model([*whole[:4], WaitFor("sweeps"), *whole[4:]])
    body = {"prompt": "x", "model": model.name, "stream": True}
    async with stream(house, "POST", "/api/chat", json=body) as opened:
        run = data((await opened.block()) or {})["run_id"]
        await opened.until("content")
        other = (await house.http.post("/api/chat", json={"prompt": "y", "model": "echo"})).json()["run_id"]
        await until_trimmed(house, other)
        async with stream(house, "GET", f"/api/runs/{run}/events") as again:
            await again.until("content")
            house.upstream.release("sweeps")
            await again.until("done")


async def test_a_connection_that_is_old_enough_is_asked_to_reconnect_and_loses_nothing(tmp_path: Path) -> None:
    async with House(tmp_path, ORICODE_MAX_CONNECTION_AGE_SECONDS="0.3") as house:
        whole = message(text("ab", pieces=2))
        model = house.model([*whole[:4], WaitFor("age"), *whole[4:]])
        body = {"prompt": "x", "model": model.name, "stream": True}
        async with stream(house, "POST", "/api/chat", json=body) as opened:
            blocks = await opened.blocks()
        assert blocks[-1]["event"] == "reconnect"
        told = data(blocks[-1])
        assert told["after_ms"] >= 0
        assert told["reason"]
        seen = [block for block in blocks if "id" in block]
        run = data(blocks[0])["run_id"]
        house.upstream.release("age")
        async with asyncio.timeout(PATIENCE):
            while seen[-1]["event"] != "done":  # on a busy machine the next one grows old as well
                last = {"Last-Event-ID": seen[-1]["id"]}
                async with stream(house, "GET", f"/api/runs/{run}/events", last) as opened:
                    seen += [block for block in await opened.blocks() if "id" in block]
        assert [block["event"] for block in seen] == ["message_start", "content", "content", "message_stop", "done"]


@pytest.mark.parametrize("attached", [True, False])
async def test_a_websocket_that_is_old_enough_says_so_and_closes(tmp_path: Path, attached: bool) -> None:
    """A proxy that cuts old connections would cut this one; it must not live on with nobody reading the run."""
    async with House(tmp_path, ORICODE_MAX_CONNECTION_AGE_SECONDS="1") as house, asyncio.timeout(PATIENCE):
        model = house.model([*message(text("a"))[:4], WaitFor("never")])
        async with socket(house) as opened:
            run = (await opened.call("chat", prompt="x", model=model.name))["data"]["run_id"] if attached else None
            while (frame := await opened.receive())["event"] != "reconnect":
                pass
            assert (frame.get("run"), frame["data"]["reason"]) == (run, "max_age")
            with pytest.raises(ConnectionClosed):
                await opened.receive()  # it is told once
            assert (opened.connection.close_code, opened.connection.close_reason) == (1012, "max_age")
