"""Stock clients against a service that is killed in mid-run: they resume by what the standards give, no code of ours.

The long fault suite is elsewhere; this one says in half a minute whether the promise holds at all.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from conformance.house import House
from httpx_sse import aconnect_sse
from upstream import WaitFor, message, text
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

PATIENCE = 60
BODY = {"prompt": "Tell me.", "stream": True}


@pytest.fixture
async def own_house(tmp_path: Path) -> AsyncIterator[House]:
    """A house that a test may burn down."""
    async with House(tmp_path) as house:
        yield house


def half_then_whole(house: House) -> Any:
    """A model that stops in mid-sentence for ever, and answers when it is asked again."""
    half = message(text("Half a sent", pieces=3))
    return house.model([*half[:6], WaitFor("never")], message(text("A whole sentence.", pieces=5)))


class Viewer:
    """What a person sees: text by message, voided by a later attempt."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.texts: dict[str, str] = {}
        self.names: list[str] = []
        self._message = ""

    def take(self, id: str, name: str, data: dict[str, Any]) -> None:
        if id:
            assert id not in self.ids, f"{id} came twice"
            self.ids.append(id)
        self.names.append(name)
        if name == "message_start":
            self._message = data["message_id"]
            self.texts[self._message] = ""
        elif name == "content":
            self.texts[self._message] += data["text"]

    @property
    def text(self) -> str:
        return "".join(self.texts.values())

    @property
    def seqs(self) -> list[int]:
        return [int(id.rpartition(".")[2]) for id in self.ids]


async def test_a_stock_sse_client_rides_out_a_kill(own_house: House) -> None:
    """httpx-sse and a loop that sends the POST again with Last-Event-ID, as every EventSource does."""
    house, viewer, model = own_house, Viewer(), half_then_whole(own_house)
    last, killed = "", None
    async with asyncio.timeout(PATIENCE), httpx.AsyncClient(headers={"X-API-Key": house.key}, timeout=10) as client:
        while "done" not in viewer.names:
            headers = {"Last-Event-ID": last} if last else {}
            body = {**BODY, "model": model.name}
            try:
                async with aconnect_sse(client, "POST", f"{house.url}/api/chat", json=body, headers=headers) as source:
                    known = last
                    async for sse in source.aiter_sse():
                        own, known = (sse.id if sse.id != known else ""), sse.id or known
                        last = sse.id or last
                        viewer.take(own, sse.event, json.loads(sse.data))
                        if sse.event == "content" and killed is None:
                            killed = asyncio.create_task(kill_and_start(house))
            except httpx.TransportError:
                await asyncio.sleep(0.05)  # the client's own pause before it tries again
    assert killed is not None
    assert viewer.text == "A whole sentence."
    assert viewer.seqs == list(range(1, len(viewer.ids) + 1))
    assert viewer.names.count("done") == 1
    assert "recovering" in viewer.names
    assert len(model.requests) == 2
    final = await house.http.post("/api/chat", json=BODY, headers={"Last-Event-ID": last})
    assert final.status_code == 204


async def kill_and_start(house: House) -> None:
    await house.service.kill()
    await house.service.start()


async def test_a_stock_websocket_client_rides_out_a_kill(own_house: House) -> None:
    """``websockets`` reconnects by itself; the client only says where it was."""
    house, viewer, model = own_house, Viewer(), half_then_whole(own_house)
    url = house.url.replace("http", "ws", 1) + "/api/ws"
    run, killed = "", None
    async with asyncio.timeout(PATIENCE):
        async for connection in connect(
            url, additional_headers={"X-API-Key": house.key}, subprotocols=[Subprotocol("oricode.v1")]
        ):
            command = ("attach", {"run": run, "after": viewer.ids[-1]}) if run else (
                "chat", {"prompt": "Tell me.", "model": model.name}
            )  # fmt: skip
            try:
                await connection.send(json.dumps({"command": command[0], "ref": 1, "data": command[1]}))
                while "done" not in viewer.names:
                    frame = json.loads(await connection.recv())
                    if "ref" in frame:
                        run = frame["data"]["run_id"]
                    elif "run" in frame:
                        viewer.take(frame.get("id", ""), frame["event"], frame["data"])
                        if frame["event"] == "content" and killed is None:
                            killed = asyncio.create_task(kill_and_start(house))
            except ConnectionClosed:
                continue
            await connection.close()
            break
    assert killed is not None
    assert viewer.text == "A whole sentence."
    assert viewer.seqs == list(range(1, len(viewer.ids) + 1))
    assert viewer.names.count("done") == 1


async def test_an_orderly_stop_asks_viewers_to_reconnect_and_gives_the_run_up(own_house: House) -> None:
    house, model = own_house, half_then_whole(own_house)
    names: list[str] = []
    async with asyncio.timeout(PATIENCE):
        async with aconnect_sse(
            house.http, "POST", f"{house.url}/api/chat", json={**BODY, "model": model.name}
        ) as source:
            last, stopping, run = "", None, ""
            async for sse in source.aiter_sse():
                names.append(sse.event)
                last = sse.id or last
                run = run or json.loads(sse.data).get("run_id", "")
                if sse.event == "content" and stopping is None:
                    stopping = asyncio.create_task(house.service.stop())
                if sse.event == "reconnect":
                    assert json.loads(sse.data)["after_ms"] >= 0
        assert names[-1] == "reconnect", "the stream ends without a terminal event: resume"
        assert stopping is not None
        await stopping
        await house.service.start()
        async with aconnect_sse(
            house.http, "GET", f"{house.url}/api/runs/{run}/events", headers={"Last-Event-ID": last}
        ) as source:
            rest = [(sse.event, json.loads(sse.data)) async for sse in source.aiter_sse()]
    assert rest[-1][0] == "done"
    assert rest[-1][1]["status"] == "completed"
    begun = max(place for place, (name, _) in enumerate(rest) if name == "message_start")  # voids what is before it
    assert rest[begun][1]["attempt"] == 2
    assert "".join(data["text"] for name, data in rest[begun:] if name == "content") == "A whole sentence."


async def test_a_second_service_on_the_same_data_says_who_owns_it_and_ends(own_house: House, tmp_path: Path) -> None:
    from clients.real_service import ORICODE

    process = await asyncio.create_subprocess_exec(
        ORICODE, "serve", "--port", "0", "--data-dir", str(tmp_path), "--model", "demo",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    async with asyncio.timeout(PATIENCE):
        _, said = await process.communicate()
    assert process.returncode == 2
    assert b"in use by another service" in said
