"""Bad input over HTTP: a problem with a code and a sentence, every time, and nothing is lost by it."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from conformance.house import MAX_BODY, House
from oricode_protocol.errors import TABLE

pytestmark = pytest.mark.asyncio(loop_scope="session")
OK = {"prompt": "x", "model": "echo"}


def assert_problem(response: httpx.Response, code: str) -> dict[str, Any]:
    """The answer is what RFC 9457 and our table ask for."""
    assert response.headers["content-type"] == "application/problem+json", response.text
    problem: dict[str, Any] = response.json()
    assert (problem["code"], problem["status"], response.status_code) == (code, TABLE[code].status, TABLE[code].status)
    assert problem["detail"].endswith(".")
    assert problem["retryable"] == TABLE[code].retryable
    assert problem["title"]
    return problem


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"{'prompt': 'x'}", b'{"prompt": "x",}', b"\xff\xfe", b'{"prompt": NaN}', b"prompt=x",
     b'{"prompt": "\xff"}', b"[" * 50_000],
    ids=lambda body: repr(body[:20]),
)  # fmt: skip
async def test_malformed_json_is_said_to_be_that(house: House, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    assert_problem(await house.http.post("/api/chat", content=body, headers=headers), "malformed_json")


@pytest.mark.parametrize("body", [None, [], "x", 1, True, [OK]])
async def test_a_body_that_is_no_object_is_refused(house: House, body: Any) -> None:
    assert_problem(
        await house.http.post("/api/chat", content=json.dumps(body), headers={"Content-Type": "application/json"}),
        "invalid_request",
    )


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("prompt", 1), ("messages", "x"), ("messages", [1]), ("messages", [{"role": "system", "content": "x"}]),
        ("messages", [{"role": "user"}]), ("messages", [{"role": "user", "content": [{}]}]),
        ("messages", [{"role": "user", "content": [1]}]), ("model", 5), ("tools", {}), ("tools", [{}]),
        ("tools", [{"name": "a b"}]), ("tools", [{"name": "t", "input_schema": []}]),
        ("tools", [{"name": "mcp_check_syntax", "input_schema": {"type": "object"}}]), ("stream", "yes"),
        ("max_tokens", 0), ("max_tokens", -5), ("max_tokens", 10**9), ("max_tokens", 1.5), ("thinking", True),
        ("metadata", []), ("if_busy", "later"), ("on_disconnect", "die"), ("approvals", 1), ("batch_ms", -1),
        ("batch_ms", 5001), ("idempotency_key", ""), ("idempotency_key", "x" * 201), ("chat_id", 5),
    ],
)  # fmt: skip
async def test_a_wrong_field_is_named(house: House, field: str, value: Any) -> None:
    problem = assert_problem(await house.http.post("/api/chat", json=OK | {field: value}), "invalid_request")
    assert f"`{field}" in problem["detail"]


@pytest.mark.parametrize(
    "body",
    [
        {"model": "echo"}, {"prompt": "", "model": "echo"}, {"prompt": " \n\t ", "model": "echo"},
        {"messages": [], "model": "echo"}, {"messages": [{"role": "user", "content": ""}], "model": "echo"},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": " \n"}]}], "model": "echo"},
        {"messages": [{"role": "user", "content": "x"}, {"role": "assistant", "content": "y"}], "model": "echo"},
    ],
)  # fmt: skip
async def test_an_empty_question_is_said_to_be_that(house: House, body: Any) -> None:
    assert_problem(await house.http.post("/api/chat", json=body), "empty_prompt")


@pytest.mark.parametrize("model", ["gpt-9", "claude", "../echo", "firehose:1000000", "x" * 5000])
async def test_an_unknown_model_is_refused_with_those_there_are(house: House, model: str) -> None:
    problem = assert_problem(await house.http.post("/api/chat", json=OK | {"model": model}), "unknown_model")
    assert "echo" in problem["detail"]
    assert len(problem["detail"]) < 500


@pytest.mark.parametrize("chat_id", ["chat_absent", "", "../x", "a/b", "x" * 300, "ü", "\0"])
async def test_an_unknown_chat_is_not_found(house: House, chat_id: str) -> None:
    assert_problem(await house.http.post("/api/chat", json=OK | {"chat_id": chat_id}), "not_found")


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_over_the_limit_is_refused(house: House, chunked: bool) -> None:
    body = json.dumps({**OK, "prompt": "x" * (MAX_BODY + 1)}).encode()

    async def pieces() -> Any:
        for start in range(0, len(body), 16 * 1024):
            yield body[start : start + 16 * 1024]

    content = pieces() if chunked else body
    headers = {"Content-Type": "application/json"}
    problem = assert_problem(await house.http.post("/api/chat", content=content, headers=headers), "body_too_large")
    assert str(MAX_BODY) in problem["detail"]


async def test_nesting_that_would_break_recursive_code_is_refused(house: House) -> None:
    deep: Any = {}
    for _ in range(200):
        deep = {"a": deep}
    assert_problem(await house.http.post("/api/chat", json=OK | {"metadata": deep}), "invalid_request")


@pytest.mark.parametrize("content_type", [None, "text/plain", "application/x-www-form-urlencoded", "application/jsonp"])
async def test_another_content_type_is_refused(house: House, content_type: str | None) -> None:
    headers = {"Content-Type": content_type} if content_type else {}
    response = await house.http.post("/api/chat", content=json.dumps(OK).encode(), headers=headers)
    assert_problem(response, "unsupported_media_type")


@pytest.mark.parametrize(
    "content_type", ["application/json; charset=utf-8", "APPLICATION/JSON", "application/vnd.x+json"]
)
async def test_json_by_any_of_its_names_is_taken(house: House, content_type: str) -> None:
    headers = {"Content-Type": content_type}
    response = await house.http.post("/api/chat", content=json.dumps(OK).encode(), headers=headers)
    assert response.status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/api/chat"), ("PUT", "/api/chat"), ("DELETE", "/api/runs/x"), ("POST", "/api/runs/x/events"),
     ("GET", "/api/runs/x/cancel"), ("POST", "/api/chats"), ("PUT", "/api/chats/x"), ("POST", "/healthz")],
)  # fmt: skip
async def test_a_wrong_method_is_told_the_right_one(house: House, method: str, path: str) -> None:
    response = await house.http.request(method, path)
    assert_problem(response, "method_not_allowed")
    assert response.headers["allow"]


@pytest.mark.parametrize("path", ["/api", "/api/nothing", "/api/runs", "/api/runs/", "/nothing", "/api/nothing/"])
async def test_a_path_that_is_none_is_a_problem_too(house: House, path: str) -> None:
    assert_problem(await house.http.get(path), "not_found")


async def test_without_a_key_nothing_is_said_about_what_exists(house: House) -> None:
    async with httpx.AsyncClient(base_url=house.url) as stranger:
        for path in ("/api/chats", "/api/models", "/api/runs/x", "/api/runs/x/events", "/api/programs/x"):
            response = await stranger.get(path)
            assert_problem(response, "unauthorized")
            assert response.headers["www-authenticate"].startswith("Bearer")
        assert_problem(await stranger.post("/api/chat", json=OK), "unauthorized")


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=101", "limit=x", "limit=", "before=x", "before=-1", "before=1", "before=1-", "limit=１"]
)
async def test_a_page_that_cannot_be_is_refused(house: House, query: str) -> None:
    assert_problem(await house.http.get(f"/api/chats?{query}"), "invalid_request")


@pytest.mark.parametrize("title", [None, 1, "", "   ", "x" * 201, ["x"]])
async def test_a_title_must_be_one(house: House, title: Any) -> None:
    chat = (await house.http.post("/api/chat", json=OK)).json()["chat_id"]
    assert_problem(await house.http.patch(f"/api/chats/{chat}", json={"title": title}), "invalid_request")


async def test_feedback_and_decisions_must_be_one_of_those_there_are(house: House) -> None:
    run = (await house.http.post("/api/chat", json=OK)).json()["run_id"]
    for path, body in (
        ("feedback", {"rating": "meh"}), ("feedback", {}), ("approvals/a", {"decision": "maybe"}),
        ("tool_results", {"content": "x"}), ("tool_results", {"tool_call_id": "t", "content": 5}), ("feedback", []),
    ):  # fmt: skip
        assert_problem(await house.http.post(f"/api/runs/{run}/{path}", json=body), "invalid_request")


async def test_a_refusal_leaves_no_chat_behind(house: House) -> None:
    before = (await house.http.get("/api/chats")).json()
    for body in (OK | {"model": "gpt-9"}, OK | {"prompt": ""}, OK | {"batch_ms": 9999}, OK | {"stream": 1}):
        assert (await house.http.post("/api/chat", json=body)).status_code == 400
    assert (await house.http.get("/api/chats")).json() == before
