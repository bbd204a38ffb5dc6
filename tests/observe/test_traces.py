"""Traces, as a collector gets them: the tree of spans, their attributes, and nothing that anybody wrote."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from conformance.house import House
from observe.collector import Collector, Span
from oricode_service.observe.traces import wanted
from upstream import Status, WaitFor, error_body, message, text, tool_use
from websockets.asyncio.client import connect

pytestmark = pytest.mark.asyncio(loop_scope="module")
CANARY = "canary-in-a-trace"
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
TRACEPARENT = f"00-{TRACE}-{PARENT}-01"
AT_ONCE = {"retry-after": "0"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def collector() -> AsyncIterator[Collector]:
    async with Collector() as collector:
        yield collector


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def traced(collector: Collector, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    settings = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        "OTEL_BSP_SCHEDULE_DELAY": "50",
        "OTEL_SERVICE_NAME": "oricode-test",
        "ORICODE_APPROVALS": "*=auto",
    }
    async with House(tmp_path_factory.mktemp("traced"), **settings) as house:
        yield house


async def test_a_run_is_a_tree_from_the_caller_s_trace_down_to_its_calls(traced: House, collector: Collector) -> None:
    call = {"program": "ZTRACED", "chunk_index": 0, "total_chunks": 1, "code": f"* {CANARY}"}
    usage = {"cache_read_input_tokens": 100, "cache_creation_input_tokens": 20}
    model = traced.model(
        message(tool_use("toolu_1", "mcp_store_code_chunk", call)),
        [Status(529, error_body("overloaded_error", CANARY), AT_ONCE)],
        message(text(CANARY), usage=usage),
    )
    body = {"prompt": CANARY, "system": CANARY, "model": model.name, "client_type": "vscode", "stream": True}
    await traced.http.post("/api/chat", json=body, headers={"traceparent": TRACEPARENT, "X-Request-ID": "traced"})
    spans = await collector.until(lambda found: any(s.name == "POST /api/chat" and s.trace == TRACE for s in found))
    mine = [span for span in spans if span.trace == TRACE]
    (request,) = [span for span in mine if span.parent == PARENT]
    assert (request.name, request.kind) == ("POST /api/chat", "server")
    assert request.attributes["http.request.method"] == "POST"
    assert request.attributes["http.route"] == "/api/chat"
    assert request.attributes["http.response.status_code"] == 200
    assert request.attributes["oricode.request.id"] == "traced"
    (run,) = request.children(mine)
    assert run.name == "invoke_agent oricode"
    assert run.attributes["gen_ai.operation.name"] == "invoke_agent"
    assert run.attributes["gen_ai.provider.name"] == "anthropic"
    assert run.attributes["gen_ai.request.model"] == model.name
    assert run.attributes["gen_ai.conversation.id"].startswith("chat_")
    assert (run.attributes["oricode.transport"], run.attributes["oricode.client_type"]) == ("sse", "vscode")
    assert run.attributes["oricode.run.status"] == "completed"
    first, second = run.children(mine)
    assert [(turn.name, turn.attributes["oricode.turn"]) for turn in (first, second)] == [("turn", 1), ("turn", 2)]
    asked, tool = first.children(mine)
    assert (asked.name, asked.kind) == (f"chat {model.name}", "client")
    assert asked.attributes["gen_ai.operation.name"] == "chat"
    assert asked.attributes["gen_ai.request.max_tokens"] == 8192
    assert asked.attributes["gen_ai.request.stream"] is True
    assert asked.attributes["gen_ai.response.model"] == "claude-scripted"
    assert asked.attributes["gen_ai.response.finish_reasons"] == ["tool_use"]
    assert asked.attributes["gen_ai.usage.input_tokens"] == 12
    assert asked.attributes["gen_ai.usage.output_tokens"] == 7
    assert tool.name == "execute_tool mcp_store_code_chunk"
    assert tool.attributes["gen_ai.operation.name"] == "execute_tool"
    assert tool.attributes["gen_ai.tool.call.id"] == "toolu_1"
    assert tool.attributes["gen_ai.tool.type"] == "extension"
    assert tool.attributes["oricode.tool.status"] == "ok"
    refused, answered = second.children(mine)
    assert (refused.error, refused.attributes["error.type"]) == (True, "upstream_overloaded")
    assert not answered.error
    assert answered.attributes["gen_ai.usage.input_tokens"] == 132, "the conventions' input includes what was cached"
    assert answered.attributes["gen_ai.usage.cache_read.input_tokens"] == 100
    assert answered.attributes["gen_ai.usage.cache_creation.input_tokens"] == 20
    assert run.attributes["gen_ai.usage.output_tokens"] == 14
    assert {span.service for span in mine} == {"oricode-test"}


async def test_a_run_that_failed_says_why_by_a_code(traced: House, collector: Collector) -> None:
    model = traced.model([Status(400, error_body("invalid_request_error", CANARY))])
    await traced.http.post("/api/chat", json={"prompt": CANARY, "model": model.name})
    (run,) = _runs(await collector.until(lambda found: bool(_runs(found, model.name))), model.name)
    assert (run.error, run.attributes["error.type"]) == (True, "upstream_rejected")


async def test_a_chat_over_websocket_is_a_request_of_its_own(traced: House, collector: Collector) -> None:
    headers = {"X-API-Key": traced.key, "traceparent": TRACEPARENT.replace(TRACE, TRACE[::-1])}
    async with connect(traced.url.replace("http", "ws") + "/api/ws", additional_headers=headers) as socket:
        await socket.send(json.dumps({"command": "chat", "ref": 1, "data": {"prompt": CANARY, "model": "echo"}}))
        async for frame in socket:
            if '"event":"done"' in str(frame):
                break
    spans = await collector.until(lambda found: any(s.trace == TRACE[::-1] and s.name.startswith("inv") for s in found))
    (request,) = [span for span in spans if span.trace == TRACE[::-1] and span.parent == PARENT]
    assert request.name == "websocket chat"
    assert [span.attributes["oricode.transport"] for span in request.children(spans)] == ["websocket"]


async def test_a_run_that_is_taken_over_stays_in_its_trace(traced: House, collector: Collector) -> None:
    trace = "1" * 32
    model = traced.model([*message(text("Half"))[:4], WaitFor("never")], message(text("Whole")))
    body = {"prompt": CANARY, "model": model.name, "stream": True}
    headers = {"traceparent": TRACEPARENT.replace(TRACE, trace)}
    async with traced.http.stream("POST", "/api/chat", json=body, headers=headers) as answer:
        async for line in answer.aiter_lines():
            if line == "event: content":
                break
        await traced.service.kill()
    await traced.service.start()
    spans = await collector.until(lambda found: any(s.trace == trace and s.name.startswith("inv") for s in found))
    (run,) = [span for span in spans if span.trace == trace and span.name.startswith("invoke_agent")]
    assert run.attributes["oricode.run.epoch"] == 2
    assert run.attributes["oricode.run.status"] == "completed"


async def test_no_span_holds_what_people_models_or_tools_wrote(collector: Collector, traced: House) -> None:
    """After all of the above; the control is that the collector got something."""
    assert b"mcp_store_code_chunk" in collector.received
    for secret in (CANARY, traced.key, "sk-test", "Half"):
        assert secret.encode() not in collector.received


def _runs(spans: list[Span], model: str) -> list[Span]:
    return [s for s in spans if s.name == "invoke_agent oricode" and s.attributes["gen_ai.request.model"] == model]


@pytest.mark.parametrize(
    ("environment", "on"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c:4318/v1/traces"}, True),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, True),
        ({"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"}, False),
        ({"OTEL_SDK_DISABLED": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": " "}, False),
    ],
)
async def test_traces_are_off_unless_an_exporter_is_configured(environment: dict[str, str], on: bool) -> None:
    assert wanted(environment) == on


async def test_when_off_the_sdk_is_not_imported() -> None:
    code = (
        "import sys; from oricode_service import app; from oricode_service.observe.traces import tracing\n"
        "from oricode_service.engine.tracing import Tracing\n"
        "assert type(tracing({})[0]) is Tracing\n"
        "found = [name for name in sys.modules if name.startswith('opentelemetry')]\n"
        "assert not found, found"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


async def test_a_collector_that_is_away_neither_delays_the_answer_nor_the_end(tmp_path: Path) -> None:
    settings = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_BSP_SCHEDULE_DELAY": "50"}
    async with House(tmp_path, **settings) as house:
        async with httpx.AsyncClient(base_url=house.url, headers={"X-API-Key": house.key}, timeout=5) as http:
            answer = await http.post("/api/chat", json={"prompt": "x", "model": "echo"})
        assert answer.json()["status"] == "completed"
        await house.service.stop()  # bounded by its own time limit
