"""Any cursor of a 500-event run, over SSE and WebSocket, live and ended, gets exactly the rest."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from conformance.house import House
from conformance.wires import log, socket
from transports.reading import Stream, data, durable, stream
from upstream import WaitFor, message, text

pytestmark = pytest.mark.asyncio(loop_scope="session")
DELTAS = 497  # with message_start, message_stop and done: 500 events
LIVE = 496
"""Events that can be seen while the model still speaks."""
PATIENCE = 60


class LongRun:
    """A run that stands at event 496 until it is let go."""

    def __init__(self, house: House, id: str, milestone: str, task: asyncio.Task[Any]) -> None:
        self.id = id
        self._house = house
        self._milestone = milestone
        self._task = task

    def cursor(self, seq: int) -> str:
        return f"{self.id}.1.{seq}"

    async def end(self) -> list[Any]:
        """Let it end; all its events."""
        self._house.upstream.release(self._milestone)
        await self._task
        stored = await log(self._house, self.id)
        assert [event.id for event in stored] == [self.cursor(seq) for seq in range(1, 501)]
        return stored


async def long_run(house: House, milestone: str) -> LongRun:
    whole = message(text([f"{n:03d} " for n in range(DELTAS)]))
    model = house.model([*whole[: 2 + LIVE], WaitFor(milestone), *whole[2 + LIVE :]])
    body = {"prompt": "x", "model": model.name, "idempotency_key": milestone}
    task = asyncio.create_task(house.http.post("/api/chat", json=body, timeout=PATIENCE))
    async with stream(house, "POST", "/api/chat", json={**body, "stream": True}) as opened:
        run = data((await opened.block()) or {})["run_id"]
        while ((await opened.block()) or {}).get("id") != f"{run}.1.{LIVE}":
            pass
    return LongRun(house, run, milestone, task)


async def read_up_to(opened: Stream, last: str) -> list[dict[str, str]]:
    """Blocks with ids, up to the one with id ``last``."""
    found: list[dict[str, str]] = []
    while (block := await opened.block()) is not None:
        if "id" in block:
            found.append(block)
            if block["id"] == last:
                break
    return durable(found)


async def test_every_cursor_over_sse(house: House) -> None:
    run = await long_run(house, "every-sse")
    path = f"/api/runs/{run.id}/events"
    live: dict[int, list[dict[str, str]]] = {}
    async with asyncio.timeout(PATIENCE):
        for seq in range(LIVE):
            headers = {"Last-Event-ID": run.cursor(seq)} if seq else None
            async with stream(house, "GET", path, headers) as opened:
                live[seq] = await read_up_to(opened, run.cursor(LIVE))
        stored = await run.end()
        wanted = [{"id": e.id, "event": e.name} for e in stored]
        for seq, blocks in live.items():
            assert [{"id": b["id"], "event": b["event"]} for b in blocks] == wanted[seq:LIVE], f"live, behind {seq}"
            assert [data(b) for b in blocks] == [e.data for e in stored[seq:LIVE]]
        for seq in range(1, 500):
            async with stream(house, "GET", path, {"Last-Event-ID": run.cursor(seq)}) as opened:
                blocks = durable(await opened.blocks())
            assert [data(b) for b in blocks] == [e.data for e in stored[seq:]]
            assert [{"id": b["id"], "event": b["event"]} for b in blocks] == wanted[seq:], f"ended, behind {seq}"
        assert (await house.http.get(path, headers={"Last-Event-ID": run.cursor(500)})).status_code == 204


async def test_every_cursor_over_websocket(house: House) -> None:
    """On one connection: attaching again moves the reader, and nothing of the earlier one comes after the reply."""
    run = await long_run(house, "every-websocket")
    live: dict[int, list[Any]] = {}
    async with asyncio.timeout(PATIENCE), socket(house) as opened:
        for seq in range(LIVE):
            reply = await opened.call("attach", run=run.id, **({"after": run.cursor(seq)} if seq else {}))
            assert reply["ok"], reply
            opened.frames.clear()  # of the reader before
            live[seq] = [event for event in await frames_up_to(opened, run.cursor(LIVE)) if "id" in event]
        stored = await run.end()
        for seq, frames in live.items():
            assert [(f["id"], f["event"], f["data"]) for f in frames] == [
                (e.id, e.name, e.data) for e in stored[seq:LIVE]
            ], f"live, behind {seq}"
        await opened.call("detach", run=run.id)
        for seq in range(1, 500):
            reply = await opened.call("attach", run=run.id, after=run.cursor(seq))
            assert reply["data"]["ended"] is False
            opened.frames.clear()
            frames = [event for event in await frames_up_to(opened, run.cursor(500)) if "id" in event]
            assert [(f["id"], f["event"], f["data"]) for f in frames] == [
                (e.id, e.name, e.data) for e in stored[seq:]
            ], f"ended, behind {seq}"
        reply = await opened.call("attach", run=run.id, after=run.cursor(500))
        assert reply["data"]["ended"] is True


async def frames_up_to(opened: Any, last: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while not found or found[-1].get("id") != last:
        found.append(json.loads(await opened.connection.recv()))
    return found


async def test_a_run_begun_over_one_transport_goes_on_over_the_other_and_back(house: House) -> None:
    run = await long_run(house, "to-and-fro")
    async with asyncio.timeout(PATIENCE):
        async with stream(house, "GET", f"/api/runs/{run.id}/events") as opened:
            first = await read_up_to(opened, run.cursor(100))
        async with socket(house) as websocket:
            await websocket.call("attach", run=run.id, after=first[-1]["id"])
            websocket.frames.clear()
            second = [f for f in await frames_up_to(websocket, run.cursor(300)) if "id" in f]
        headers = {"Last-Event-ID": second[-1]["id"]}
        async with stream(house, "GET", f"/api/runs/{run.id}/events", headers) as opened:
            stored = await run.end()
            third = durable(await opened.blocks())
    assert [b["id"] for b in (*first, *second, *third)] == [e.id for e in stored]
