"""An instance that is told to go keeps its old clients until their answers are whole; others go on with their runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from clients.real_service import RealService

LIMIT = 60
LONG = {"prompt": "Go.", "model": "firehose:100@25"}
"""Takes four seconds."""


@pytest.fixture
async def pair(address: str, tmp_path: Path) -> AsyncIterator[tuple[RealService, RealService]]:
    """Two services on one database, with one key; one may take long to leave."""
    settings = {"ORICODE_DATABASE_URL": address, "ORICODE_MODEL": "firehose", "ORICODE_HEARTBEAT_SECONDS": "0.5"}
    async with (
        RealService(tmp_path, ORICODE_GRACE_SECONDS="40", **settings) as leaving,
        RealService(tmp_path, ORICODE_GRACE_SECONDS="4", **settings) as other,
    ):
        other.key = leaving.key
        yield leaving, other


def client(service: RealService) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=service.url, headers={"X-API-Key": service.key}, timeout=LIMIT)


async def live(http: httpx.AsyncClient) -> str:
    """The one live run."""
    async with asyncio.timeout(LIMIT):
        while True:
            chats = (await http.get("/api/chats")).json()["chats"]
            if chats and chats[0]["live_run"]:
                return str(chats[0]["live_run"])
            await asyncio.sleep(0.02)


async def test_a_json_answer_is_whole_although_its_instance_was_told_to_go(pair) -> None:
    leaving, other = pair
    async with client(leaving) as http, client(other) as far:
        asking = asyncio.create_task(http.post("/api/chat", json=LONG))
        run = await live(far)
        stopping = asyncio.create_task(leaving.stop())
        answer = (await asking).json()
        assert (answer["status"], answer["run_id"]) == ("completed", run)
        assert answer["text"] == (await far.get(f"/api/runs/{run}")).json()["text"]
        async with asyncio.timeout(20):
            await stopping  # and not only when the grace time is over


async def test_an_answer_that_takes_longer_than_the_grace_time_says_where_it_goes_on(pair) -> None:
    staying, leaving = pair
    async with client(leaving) as http, client(staying) as far:
        asking = asyncio.create_task(http.post("/api/chat", json={**LONG, "model": "firehose:500@25"}))
        run = await live(far)
        async with asyncio.timeout(20):
            await leaving.stop()
        answer = (await asking).json()
        assert (answer["status"], answer["run_id"]) == ("running", run)
        assert (await far.post(f"/api/runs/{run}/cancel")).status_code == 202
