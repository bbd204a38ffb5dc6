"""Access as a client of the real service meets it."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator

import httpx
import pytest
from access.service import LIMIT, Service, running
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

ENDLESS = {"prompt": "go on", "stream": True, "model": "firehose:9000@2"}
REVOKED_WITHIN = 5.0


@pytest.fixture
async def service(tmp_path) -> AsyncIterator[Service]:
    async with running(tmp_path) as service:
        yield service


@pytest.fixture
async def key(service) -> str:
    return await service.keys("create", "--user", "anna")


@pytest.fixture
async def client(service, key) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=service.url, headers={"X-API-Key": key}, timeout=LIMIT) as client:
        yield client


async def opened(socket) -> dict:
    """The first frame of a WebSocket."""
    async with asyncio.timeout(LIMIT):
        return json.loads(await socket.recv())


async def test_without_a_valid_key_every_way_in_is_closed(service, key):
    wrong = [{}, {"X-API-Key": key[:-1] + "_"}, {"Authorization": f"Basic {key}"}]
    async with httpx.AsyncClient(base_url=service.url, timeout=LIMIT) as anonymous:
        for headers in wrong:
            refused = await anonymous.post("/api/chat", json={"prompt": "hi"}, headers=headers)
            assert (refused.status_code, refused.json()["code"]) == (401, "unauthorized")
        in_the_url = await anonymous.post(f"/api/chat?api_key={key}&key={key}", json={"prompt": "hi"})
        assert in_the_url.status_code == 401
    with pytest.raises(InvalidStatus, match="401"):
        async with connect(service.socket_url, subprotocols=["oricode.v1"]):
            pass


async def test_the_key_is_taken_from_either_header_and_from_a_subprotocol(service, key):
    async with httpx.AsyncClient(base_url=service.url, timeout=LIMIT) as client:
        for headers in ({"X-API-Key": key}, {"Authorization": f"Bearer {key}"}):
            answer = await client.post("/api/chat", json={"prompt": "hi"}, headers=headers)
            assert answer.json()["text"] == "hi"
    name = "oricode.key." + base64.urlsafe_b64encode(key.encode()).decode().rstrip("=")
    async with connect(service.socket_url, subprotocols=["oricode.v1", name]) as socket:
        assert socket.subprotocol == "oricode.v1"
        assert (await opened(socket))["event"] == "connected"


async def test_a_ticket_opens_one_websocket(service, client):
    ticket = (await client.post("/api/tickets")).json()
    assert ticket["expires_in_ms"] == 30_000
    subprotocols = ["oricode.v1", f"oricode.ticket.{ticket['ticket']}"]
    async with connect(service.socket_url, subprotocols=subprotocols) as socket:
        assert (await opened(socket))["event"] == "connected"
    with pytest.raises(InvalidStatus, match="401"):
        async with connect(service.socket_url, subprotocols=subprotocols):
            pass


async def test_an_open_stream_ends_within_five_seconds_when_its_key_is_revoked(service, client, key):
    other = await service.keys("create", "--user", "anna")
    async with client.stream("POST", "/api/chat", json=ENDLESS) as stream:
        lines = stream.aiter_lines()
        async with asyncio.timeout(LIMIT):
            while await anext(lines) != "event: content":
                pass
        await service.keys("revoke", key)
        async with asyncio.timeout(REVOKED_WITHIN):
            rest = [line async for line in lines]
            while (await client.get("/api/chats")).status_code != 401:
                continue
    assert "event: done" not in rest
    assert (await client.get("/api/chats", headers={"X-API-Key": other})).status_code == 200


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(None, id="idle"),
        pytest.param({"command": "chat", "ref": 1, "data": ENDLESS}, id="watching"),
    ],
)
async def test_an_open_websocket_is_closed_within_five_seconds_when_its_key_is_revoked(service, key, command):
    async with connect(service.socket_url, additional_headers={"X-API-Key": key}) as socket:
        await opened(socket)
        if command:
            await socket.send(json.dumps(command))
            await opened(socket)
        await service.keys("revoke", key)
        async with asyncio.timeout(REVOKED_WITHIN):
            await socket.wait_closed()
        assert socket.close_code == 4401


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://vscode-webview.evil.example"])
async def test_a_foreign_page_is_refused_on_http_and_on_websocket(service, client, key, origin):
    answer = await client.post("/api/chat", json={"prompt": "hi"}, headers={"Origin": origin})
    assert answer.status_code == 403
    assert "access-control-allow-origin" not in answer.headers
    with pytest.raises((InvalidStatus, ConnectionClosed), match="403"):
        async with connect(service.socket_url, origin=origin, additional_headers={"X-API-Key": key}) as socket:
            await opened(socket)


@pytest.mark.parametrize("origin", ["vscode-webview://0abc-def", "http://localhost:5173"])
async def test_a_webview_or_a_page_of_this_machine_is_served_with_cors_headers(client, origin):
    answer = await client.post("/api/chat", json={"prompt": "hi"}, headers={"Origin": origin})
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == origin
    preflight = await client.options("/api/chat", headers={"Origin": origin, "Access-Control-Request-Method": "POST"})
    assert preflight.status_code == 204
    assert "last-event-id" in preflight.headers["access-control-allow-headers"]


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80"])
async def test_a_name_that_was_pointed_here_is_refused(client, host):
    answer = await client.post("/api/chat", json={"prompt": "hi"}, headers={"Host": host})
    assert answer.status_code in (400, 403, 421)


async def test_beyond_the_rate_a_key_is_told_when_to_come_back_and_another_key_is_not_affected(tmp_path):
    async with running(tmp_path, rate_limit="2/hour") as service:
        keys = [await service.keys("create", "--user", user) for user in ("anna", "bert")]
        async with httpx.AsyncClient(base_url=service.url, timeout=LIMIT) as client:

            async def post(key: str) -> httpx.Response:
                return await client.post("/api/chat", json={"prompt": "hi"}, headers={"X-API-Key": key})

            assert [(await post(keys[0])).status_code for _ in range(2)] == [200, 200]
            refused = await post(keys[0])
            assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
            assert 0 < int(refused.headers["retry-after"]) <= 3600
            assert refused.headers["ratelimit-policy"] == '"runs";q=2;w=3600'
            assert refused.headers["ratelimit"].startswith('"runs";r=0;t=')
            assert (await post(keys[1])).status_code == 200


async def test_a_repeated_request_is_no_new_run_and_not_counted(tmp_path):
    """Beyond the rate, too, it is answered with the run that it began."""
    async with running(tmp_path, rate_limit="2/hour") as service:
        headers = {"X-API-Key": await service.keys("create", "--user", "anna")}
        async with httpx.AsyncClient(base_url=service.url, headers=headers, timeout=LIMIT) as client:

            async def post(key: str) -> httpx.Response:
                return await client.post("/api/chat", json={"prompt": "hi"}, headers={"Idempotency-Key": key})

            first = await post("one")
            again = [await post("one") for _ in range(5)]
            second = await post("two")
            assert {answer.json()["run_id"] for answer in again} == {first.json()["run_id"]}
            assert second.status_code == 200
            assert (await post("three")).status_code == 429
            assert (await post("two")).json()["run_id"] == second.json()["run_id"]
        async with connect(service.socket_url, additional_headers=headers) as socket:
            await opened(socket)
            again_there = {"prompt": "hi", "idempotency_key": "one"}
            await socket.send(json.dumps({"command": "chat", "ref": 1, "data": again_there}))
            assert (await opened(socket))["data"]["run_id"] == first.json()["run_id"]
            await socket.send(
                json.dumps({"command": "chat", "ref": 2, "data": {"prompt": "\ud800", "idempotency_key": "\ud800"}})
            )
            while (reply := json.loads(await socket.recv())).get("ref") != 2:
                pass
            assert reply["error"]["code"] in ("rate_limited", "invalid_request")


async def test_open_streams_are_counted_over_both_transports(tmp_path):
    async with running(tmp_path, max_connections_per_key="2") as service:
        key = await service.keys("create", "--user", "anna")
        headers = {"X-API-Key": key}
        async with httpx.AsyncClient(base_url=service.url, headers=headers, timeout=LIMIT) as client:
            async with (
                connect(service.socket_url, additional_headers=headers) as socket,
                client.stream("POST", "/api/chat", json=ENDLESS) as stream,
            ):
                assert (await opened(socket))["event"] == "connected"
                lines = stream.aiter_lines()  # kept: a dropped iterator closes the stream
                async with asyncio.timeout(LIMIT):
                    assert await anext(lines)
                with pytest.raises(InvalidStatus, match="429"):
                    async with connect(service.socket_url, additional_headers=headers):
                        pass
                async with asyncio.timeout(LIMIT):
                    refused = await client.post("/api/chat", json=ENDLESS)
                assert (refused.status_code, refused.json()["code"]) == (429, "too_many_connections")
                assert (await client.get("/healthz")).status_code == 200
