"""The real service while its database is away: what viewers, new callers and probes are told, and how it goes on."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator

import httpx
import pytest
from clients.real_service import RealService
from engine.world import assert_whole
from httpx_sse import ServerSentEvent, aconnect_sse
from oricode_service.store.rows import Record

LIMIT = 60
BEAT = 0.5
NOT_LOGGED = ("connected", "heartbeat")
TALK = {"prompt": "Go.", "model": "firehose:500@50", "stream": True}
"""Longer than the outage, in which the model talks on."""
ASK = {"prompt": "Hello.", "model": "echo"}


@pytest.fixture
async def pair(address, tmp_path) -> AsyncIterator[tuple[RealService, RealService]]:
    """Two services on one database, with one key."""
    settings = {
        "ORICODE_DATABASE_URL": address,
        "ORICODE_MODEL": "firehose",
        "ORICODE_HEARTBEAT_SECONDS": str(BEAT),
        "ORICODE_LEASE_SECONDS": "2",
    }
    async with RealService(tmp_path, **settings) as one, RealService(tmp_path, **settings) as other:
        other.key = one.key
        yield one, other


def client(service: RealService) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=service.url, headers={"X-API-Key": service.key}, timeout=LIMIT)


async def test_runs_pause_viewers_are_told_and_new_work_is_refused_clearly(pair, server):
    """Away for longer than a lease: nobody is declared dead for it, and nothing is lost."""
    one, other = pair
    async with client(one) as http, client(other) as far, asyncio.timeout(LIMIT), contextlib.AsyncExitStack() as stack:
        started = asyncio.Event()
        viewers = [asyncio.create_task(watch(http, "POST", "/api/chat", started, json=TALK))]
        stack.callback(viewers[0].cancel)
        await started.wait()
        run = (await http.get("/api/chats")).json()["chats"][0]["live_run"]
        begun = asyncio.Event()
        viewers.append(asyncio.create_task(watch(far, "GET", f"/api/runs/{run}/events", begun)))
        stack.callback(viewers[1].cancel)
        await begun.wait()

        await asyncio.to_thread(server.stop)
        try:
            away = asyncio.get_running_loop().time()
            for asking in (http, far):
                refused = await asking.post("/api/chat", json=ASK)
                assert refused.status_code == 503
                assert refused.headers["content-type"] == "application/problem+json"
                assert refused.json()["retryable"] is True
                assert int(refused.headers["retry-after"]) >= 1
                assert (await asking.get("/readyz")).status_code == 503
                assert (await asking.get("/healthz")).status_code == 200
            while asyncio.get_running_loop().time() < away + 5:  # two and a half leases
                await asyncio.sleep(0.1)
        finally:
            await asyncio.to_thread(server.start)

        while not all([(await asking.get("/readyz")).status_code == 200 for asking in (http, far)]):
            await asyncio.sleep(0.1)
        assert (await http.post("/api/chat", json=ASK)).json()["status"] == "completed"
        logs = []
        for seen in await asyncio.gather(*viewers):
            beats = [json.loads(event.data) for event in seen if event.event == "heartbeat"]
            assert "recovering" in {beat["state"] for beat in beats}
            logs.append([record(event) for event in seen if event.event not in NOT_LOGGED])
    assert logs[0] == logs[1]
    assert {r.epoch for r in logs[0]} == {1}
    assert_whole(logs[0])


async def watch(
    http: httpx.AsyncClient, method: str, path: str, begun: asyncio.Event, **body: object
) -> list[ServerSentEvent]:
    """Everything of one connection, to its end."""
    seen = []
    async with aconnect_sse(http, method, path, **body) as source:
        async for event in source.aiter_sse():
            seen.append(event)
            if event.event == "content":
                begun.set()
    return seen


def record(event: ServerSentEvent) -> Record:
    _, epoch, seq = event.id.split(".")
    return Record(0, int(seq), int(epoch), event.event, event.data.encode())
