"""The Anthropic provider against a scripted server: what it sends, what it makes of every way to answer or to break.

The rows follow the behaviour matrix of the SDK: where the SDK shows a raw transport error, or nothing at all, the
provider must raise an :class:`UpstreamFailure`.
"""

from __future__ import annotations

import asyncio

import pytest
from oricode_service.models.anthropic import AnthropicProvider
from oricode_service.models.http_pool import proxy_for
from oricode_service.models.port import Stop, Text, ToolInput, ToolUse, Usage
from upstream import (
    Drop,
    Eof,
    Head,
    Raw,
    Rst,
    Status,
    Upstream,
    WaitFor,
    error_body,
    error_event,
    message,
    text,
    tool_use,
)

from .conftest import a_call, one_by_one, read, read_failing

HELLO = message(text("Hello you", pieces=3))
BEGINNING = HELLO[:4]
"""message_start, ping, content_block_start and one delta, "Hel"."""
SEEN = [Usage(12, 1), Text(0, "Hel")]


async def test_an_answer_is_read_to_its_stop(upstream: Upstream, provider: AnthropicProvider):
    upstream.enqueue(HELLO)
    deltas = await read(provider, a_call())
    assert "".join(d.text for d in deltas if isinstance(d, Text)) == "Hello you"
    assert deltas[-1] == Stop("end_turn", "claude-scripted")


async def test_a_tool_call_is_read_with_its_input(upstream: Upstream, provider: AnthropicProvider):
    upstream.enqueue(message(text("Checking."), tool_use("toolu_7", "mcp_check_syntax", {"program": "ZX"})))
    deltas = await read(provider, a_call())
    assert ToolUse(1, "toolu_7", "mcp_check_syntax") in deltas
    assert "".join(d.partial_json for d in deltas if isinstance(d, ToolInput)) == '{"program": "ZX"}'
    assert deltas[-1] == Stop("tool_use", "claude-scripted")


async def test_the_request_carries_the_whole_call(upstream: Upstream, provider: AnthropicProvider):
    call = a_call(
        "Prüfe ZX",
        system=[{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
        tools=[{"name": "t", "description": "d", "input_schema": {"type": "object"}}],
        thinking={"type": "adaptive"},
        metadata={"user_id": "u1", "project": "a provider would refuse this"},
        run_id="run_1",
        turn=2,
    )
    await read(provider, call)
    request = upstream.requests[0]
    assert (request.method, request.path) == ("POST", "/v1/messages")
    assert request.headers["authorization"] == "Bearer sk-test-key"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["anthropic-version"]
    assert request.body == {
        "model": "claude-sonnet-5-5",
        "max_tokens": 64,
        "stream": True,
        "messages": [{"role": "user", "content": "Prüfe ZX"}],
        "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
        "tools": [{"name": "t", "description": "d", "input_schema": {"type": "object"}}],
        "thinking": {"type": "adaptive"},
        "metadata": {"user_id": "u1"},
    }


async def test_empty_parts_are_not_sent(upstream: Upstream, provider: AnthropicProvider):
    await read(provider, a_call())
    assert set(upstream.requests[0].body) == {"model", "max_tokens", "stream", "messages"}


async def test_surrogates_are_mended_on_the_way_out(upstream: Upstream, provider: AnthropicProvider):
    content = [{"type": "text", "text": "pair \ud83d\ude00, lone \ud83d."}, {"type": "text", "text": "\\ud83d stays"}]
    await read(provider, a_call(messages=[{"role": "user", "content": content}]))
    sent = upstream.requests[0].body["messages"][0]["content"]
    assert [part["text"] for part in sent] == ["pair 😀, lone \ufffd.", "\\ud83d stays"]


async def test_the_environment_cannot_redirect_a_call(upstream: Upstream, monkeypatch: pytest.MonkeyPatch):
    """The SDK reads all of these; the composition root alone decides."""
    for name, value in {
        "ANTHROPIC_API_KEY": "sk-env",
        "ANTHROPIC_AUTH_TOKEN": "token-env",
        "ANTHROPIC_BASE_URL": "http://127.0.0.1:9",
        "ANTHROPIC_CUSTOM_HEADERS": "authorization: Bearer env\nx-api-key: sk-env",
        "HTTP_PROXY": "http://127.0.0.1:9",
        "ALL_PROXY": "http://127.0.0.1:9",
    }.items():
        monkeypatch.setenv(name, value)
    for key, header in (("sk-given", "Bearer sk-given"), (None, "Bearer none")):
        provider = AnthropicProvider(api_key=key, base_url=upstream.url)
        await read(provider, a_call())
        await provider.close()
        assert upstream.requests[-1].headers["authorization"] == header
        assert "x-api-key" not in upstream.requests[-1].headers


@pytest.mark.parametrize(
    ("kind", "ending", "code"),
    [
        ("connection dropped", [Drop()], "upstream_dropped"),
        ("connection reset", [Rst()], "upstream_dropped"),
        ("proper end of the body without message_stop", [Eof()], "upstream_dropped"),
        ("half an event, then the end", [Raw(b"event: content_block_delta\ndata: {"), Eof()], "upstream_dropped"),
        ("malformed JSON", [Raw(b"event: content_block_delta\ndata: {bad\n\n")], "upstream_dropped"),
        ("overloaded", [error_event("overloaded_error")], "upstream_overloaded"),
        ("rate limited", [error_event("rate_limit_error")], "upstream_rate_limited"),
    ],
)
async def test_a_stream_that_breaks_is_a_failure_behind_its_deltas(
    upstream: Upstream, provider: AnthropicProvider, kind: str, ending, code: str
):
    upstream.enqueue([*BEGINNING, WaitFor("seen"), *ending])
    seen = []
    stream = provider.stream(a_call())
    async with asyncio.timeout(10):
        while len(seen) < len(SEEN):
            seen += one_by_one(await anext(stream))
    upstream.release("seen")
    _, failure = await read_failing_stream(stream)
    assert seen == SEEN
    assert (failure.code, failure.retryable) == (code, True)


async def read_failing_stream(stream):
    class Rest:
        def stream(self, call):
            return stream

    return await read_failing(Rest(), a_call())


async def test_a_body_that_ends_with_its_connection_and_without_message_stop_is_a_failure(
    upstream: Upstream, provider: AnthropicProvider
):
    upstream.enqueue([Head(chunked=False), *BEGINNING])
    seen, failure = await read_failing(provider, a_call())
    assert seen == SEEN
    assert failure.code == "upstream_dropped"


async def test_a_body_that_ends_with_its_connection_is_complete_with_message_stop(
    upstream: Upstream, provider: AnthropicProvider
):
    upstream.enqueue([Head(chunked=False), *HELLO])
    assert (await read(provider, a_call()))[-1] == Stop("end_turn", "claude-scripted")


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("text/html; charset=utf-8", b"<html>Please log in</html>"),
        ("application/json", b'{"type":"message","content":[{"type":"text","text":"Whole."}]}'),
    ],
)
async def test_a_body_that_is_no_stream_is_a_failure_that_says_so_and_is_not_asked_for_again(
    upstream: Upstream, provider: AnthropicProvider, kind: str, body: bytes
):
    upstream.enqueue([Head(headers={"content-type": kind}), Raw(body)])
    seen, failure = await read_failing(provider, a_call())
    assert (seen, failure.code, failure.retryable) == ([], "upstream_unavailable", False)
    assert kind.partition(";")[0] in failure.sentence


@pytest.mark.parametrize("kind", ["text/plain", "application/json"])
async def test_a_stream_may_be_called_anything(upstream: Upstream, provider: AnthropicProvider, kind: str):
    upstream.enqueue([Head(headers={"content-type": kind}), *HELLO])
    assert (await read(provider, a_call()))[-1] == Stop("end_turn", "claude-scripted")


async def test_nonsense_that_is_called_a_stream_is_a_failure(upstream: Upstream, provider: AnthropicProvider):
    upstream.enqueue([Raw(b"<html>Please log in</html>")])
    seen, failure = await read_failing(provider, a_call())
    assert (seen, failure.code) == ([], "upstream_dropped")


@pytest.mark.parametrize("script", [[WaitFor("never")], [*BEGINNING, WaitFor("never")]])
async def test_silence_is_a_timeout_before_and_in_the_stream(upstream: Upstream, script):
    provider = AnthropicProvider(api_key="k", base_url=upstream.url, read_timeout=0.05)
    upstream.enqueue(script)
    seen, failure = await read_failing(provider, a_call())
    assert seen in ([], SEEN)
    assert (failure.code, failure.retryable) == ("upstream_timeout", True)
    assert "0.05 s" in failure.sentence
    await upstream.wait_until_closed()
    await provider.close()


@pytest.mark.parametrize(
    ("status", "error_type", "code", "retryable"),
    [
        (400, "invalid_request_error", "upstream_rejected", False),
        (401, "authentication_error", "upstream_auth", False),
        (404, "not_found_error", "upstream_unknown_model", False),
        (413, "request_too_large", "upstream_rejected", False),
        (429, "rate_limit_error", "upstream_rate_limited", True),
        (500, "api_error", "upstream_unavailable", True),
        (529, "overloaded_error", "upstream_overloaded", True),
    ],
)
async def test_a_refusal_is_one_request_and_one_failure(
    upstream: Upstream, provider: AnthropicProvider, status: int, error_type: str, code: str, retryable: bool
):
    upstream.enqueue([Status(status, error_body(error_type, "because sk-test-key"), {"Retry-After": "2"})])
    _, failure = await read_failing(provider, a_call())
    assert (failure.code, failure.retryable, failure.retry_after) == (code, retryable, 2.0)
    assert "sk-test-key" not in failure.sentence
    assert len(upstream.requests) == 1


async def test_x_should_retry_false_is_obeyed(upstream: Upstream, provider: AnthropicProvider):
    upstream.enqueue([Status(529, error_body("overloaded_error"), {"X-Should-Retry": "false"})])
    _, failure = await read_failing(provider, a_call())
    assert failure.retryable is False


@pytest.mark.parametrize("ending", [Drop(), Rst()])
async def test_a_connection_closed_before_the_headers_is_unavailable(
    upstream: Upstream, provider: AnthropicProvider, ending
):
    upstream.enqueue([ending])
    _, failure = await read_failing(provider, a_call())
    assert (failure.code, failure.retryable) == ("upstream_unavailable", True)
    assert len(upstream.requests) == 1


async def test_a_server_that_is_not_there_is_unavailable():
    async with Upstream() as gone:
        url = gone.url
    provider = AnthropicProvider(api_key="k", base_url=url)
    _, failure = await read_failing(provider, a_call())
    assert (failure.code, failure.retryable) == ("upstream_unavailable", True)
    await provider.close()


async def test_closing_the_stream_closes_the_connection_at_once(upstream: Upstream, provider: AnthropicProvider):
    upstream.enqueue([*BEGINNING, WaitFor("never")])
    stream = provider.stream(a_call())
    async with asyncio.timeout(10):
        await anext(stream)
        await stream.aclose()
    await upstream.wait_until_closed()


@pytest.mark.parametrize("script", [[WaitFor("here")], [*BEGINNING, WaitFor("here")]])
async def test_cancelling_the_reader_closes_the_connection_at_once(
    upstream: Upstream, provider: AnthropicProvider, script
):
    upstream.enqueue(script)
    reader = asyncio.ensure_future(read(provider, a_call()))
    await upstream.wait_until_reached("here")
    reader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reader
    await upstream.wait_until_closed()


async def test_calls_beyond_the_limit_are_refused_and_room_comes_back(upstream: Upstream):
    provider = AnthropicProvider(api_key="k", base_url=upstream.url, max_streams=2)
    upstream.enqueue([*BEGINNING, WaitFor("never")], [*BEGINNING, WaitFor("never")])
    first, second = provider.stream(a_call()), provider.stream(a_call())
    await anext(first)
    await anext(second)
    _, failure = await read_failing(provider, a_call())
    assert (failure.code, failure.retryable) == ("upstream_unavailable", True)
    assert "All 2 connections" in failure.sentence
    assert len(upstream.requests) == 2
    await first.aclose()
    assert await read(provider, a_call())
    await second.aclose()
    await provider.close()


@pytest.mark.parametrize(("keep_alive", "connections"), [(True, 1), (False, 3), (None, 3)])
async def test_complete_answers_share_a_connection_when_it_is_kept(
    upstream: Upstream, keep_alive: bool | None, connections: int
):
    """Not kept for plain http by itself: llama.cpp's server closes without a word."""
    provider = AnthropicProvider(api_key="k", base_url=upstream.url, keep_alive=keep_alive)
    for _ in range(3):
        await read(provider, a_call())
    assert upstream.connections == connections
    await provider.close()


async def test_an_answer_is_complete_although_its_body_never_ends(upstream: Upstream, provider: AnthropicProvider):
    upstream.enqueue([*HELLO, WaitFor("never")])
    assert (await read(provider, a_call()))[-1] == Stop("end_turn", "claude-scripted")
    await upstream.wait_until_closed()


@pytest.mark.parametrize(
    ("url", "proxy"),
    [
        ("https://api.anthropic.com", "http://proxy:1"),
        ("http://models.example", "http://all:2"),
        ("https://inside.corp.example/v1", None),
        ("http://127.0.0.1:8080", None),
        ("http://[::1]:8080", None),
        ("http://localhost", None),
    ],
)
def test_a_proxy_of_the_environment_is_for_the_world_outside(
    monkeypatch: pytest.MonkeyPatch, url: str, proxy: str | None
):
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("https_proxy", "http://proxy:1")
    monkeypatch.setenv("all_proxy", "http://all:2")
    monkeypatch.setenv("no_proxy", "corp.example")
    assert proxy_for(url) == proxy


@pytest.mark.parametrize("url", ["127.0.0.1:80", "ftp://host", "http://", "https:///path"])
def test_an_address_that_is_none_is_refused_at_once(url: str):
    with pytest.raises(ValueError, match="http"):
        AnthropicProvider(api_key="k", base_url=url)


@pytest.mark.parametrize("key", ["sk\nX-Evil: 1", "schlüssel", "two words"])
def test_a_key_that_no_header_holds_is_refused_without_being_quoted(key: str):
    with pytest.raises(ValueError) as refusal:
        AnthropicProvider(api_key=key)
    assert key not in str(refusal.value)
