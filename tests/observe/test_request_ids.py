"""Each request has an id: in its answer, in its error, in every log line it caused; and one line says how it went."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from clients.real_service import RealService
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

pytestmark = pytest.mark.asyncio(loop_scope="module")
OURS = re.compile(r"req_[A-Za-z0-9]{22}")
# The model cannot be reached: a failing run writes lines of its own.
SETTINGS = {
    "ORICODE_LOG_FORMAT": "json", "ORICODE_REQUEST_LOG": "on", "ORICODE_UPSTREAM_ATTEMPTS": "1",
    "ANTHROPIC_API_KEY": "sk-test", "ANTHROPIC_BASE_URL": "http://127.0.0.1:9",
}  # fmt: skip


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def service(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RealService]:
    async with RealService(tmp_path_factory.mktemp("ids"), **SETTINGS) as service:
        yield service


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def http(service: RealService) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=service.url, headers={"X-API-Key": service.key}, timeout=30) as http:
        yield http


@pytest.mark.parametrize("path", ["/healthz", "/", "/api/models", "/api/runs/run_absent", "/nowhere", "/pages/none"])
async def test_an_answer_names_its_request(http: httpx.AsyncClient, path: str) -> None:
    first, second = [(await http.get(path)).headers["x-request-id"] for _ in range(2)]
    assert OURS.fullmatch(first)
    assert first != second


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ("6f1e1d2c-90ab-4cde-8f01-23456789abcd", True), ("a.b:c_d", True), ("x" * 128, True),
        ("x" * 129, False), ("", False), ("two words", False), ('quote"', False), ("caf\u00e9", False),
    ],
)  # fmt: skip
async def test_a_client_s_id_is_taken_when_it_is_sane(http: httpx.AsyncClient, given: str, taken: bool) -> None:
    answer = await http.get("/api/models", headers={b"X-Request-ID": given.encode("latin-1")})
    assert (answer.headers["x-request-id"] == given) == taken


async def test_an_error_body_names_the_request(service: RealService, http: httpx.AsyncClient) -> None:
    for answer in (
        await http.get("/api/runs/run_absent"),
        await http.get("/api/models", headers={"X-API-Key": "wrong"}),
        await http.get("/", headers={"Origin": "https://evil.example"}),
    ):
        assert answer.json()["request_id"] == answer.headers["x-request-id"]


async def test_a_stream_and_a_websocket_name_it_too(service: RealService, http: httpx.AsyncClient) -> None:
    streamed = await http.post("/api/chat", json={"prompt": "x", "model": "echo", "stream": True})
    assert OURS.fullmatch(streamed.headers["x-request-id"])
    url = service.url.replace("http", "ws") + "/api/ws"
    async with connect(url, additional_headers={"X-API-Key": service.key, "X-Request-ID": "mine"}) as socket:
        assert socket.response is not None
        assert socket.response.headers["x-request-id"] == "mine"
    with pytest.raises(InvalidStatus) as refused:
        await connect(url, additional_headers={"X-Request-ID": "mine"})
    response = refused.value.response
    assert response.headers["x-request-id"] == json.loads(response.body)["request_id"] == "mine"


async def test_a_browser_may_send_and_read_it(http: httpx.AsyncClient) -> None:
    origin = {"Origin": "http://localhost:3000"}
    preflight = await http.options("/api/models", headers=origin | {"Access-Control-Request-Method": "GET"})
    assert "x-request-id" in preflight.headers["access-control-allow-headers"]
    assert "X-Request-ID" in (await http.get("/healthz", headers=origin)).headers["access-control-expose-headers"]


async def test_lines_of_the_log_say_whose_they_are(tmp_path: Path) -> None:
    """One line a request, whatever became of it; lines of the run it started carry its id. No query, no key."""
    service = RealService(tmp_path, **SETTINGS)
    await service.start()
    try:
        async with httpx.AsyncClient(base_url=service.url, headers={"X-API-Key": service.key}, timeout=30) as http:

            async def ask(name: str, method: str, path: str, **more: Any) -> None:
                headers = {"X-Request-ID": name} | more.pop("headers", {})
                await http.request(method, path, headers=headers, **more)

            await ask("failing", "POST", "/api/chat", json={"prompt": "x", "model": "claude-sonnet-5-5"})
            await ask("streamed", "POST", "/api/chat", json={"prompt": "x", "model": "echo", "stream": True})
            await ask("wrong-key", "GET", "/api/chats?ticket=canary-query", headers={"X-API-Key": "nobody"})
            await ask("key-in-path", "GET", f"/api/runs/{service.key}")
            await ask("line-break", "GET", "/nowhere%0Afaked")
            await ask("health", "GET", "/healthz")
    finally:
        await service.stop()
    lines = service.log_lines()
    by_request = {line["request"]: line for line in lines if line["logger"] == "oricode.requests"}
    assert set(by_request) == {"failing", "streamed", "wrong-key", "key-in-path", "line-break"}
    failing = by_request["failing"]
    assert (failing["method"], failing["path"], failing["status"]) == ("POST", "/api/chat", 200)
    assert failing["ms"] > 0
    assert failing["user"]
    trouble = next(line for line in lines if line["logger"] == "oricode_service.engine.turn")
    for name in ("request", "run", "chat", "user"):
        assert trouble[name] == failing[name]
    assert by_request["wrong-key"]["status"] == 401
    assert "user" not in by_request["wrong-key"]
    assert by_request["line-break"]["path"] == "/nowhere%0Afaked"
    assert by_request["key-in-path"]["path"] == "/api/runs/ok_…"
    assert "canary-query" not in str(lines)
    assert service.key not in str(lines)


async def test_a_viewer_that_left_is_told_from_one_that_was_served(tmp_path: Path) -> None:
    service = RealService(tmp_path, **SETTINGS)
    await service.start()
    try:
        async with httpx.AsyncClient(base_url=service.url, headers={"X-API-Key": service.key}, timeout=30) as http:
            body = {"prompt": "x", "model": "firehose:100@1", "stream": True}
            async with http.stream("POST", "/api/chat", json=body, headers={"X-Request-ID": "left"}) as answer:
                await anext(answer.aiter_lines())
            # The stop below waits for the connection's end.
    finally:
        await service.stop()
    lines = service.log_lines()
    line = next(line for line in lines if line.get("request") == "left" and line["logger"] == "oricode.requests")
    assert line["status"] == 200
    assert line["left"] is True
