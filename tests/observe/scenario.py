"""A day in the life of the service in some seconds, with a canary in everything that people, models and tools write.

Every transport, resumes, tools, an approval, retries, failures, wrong keys, broken requests, cut connections, a revoked
key, a kill in mid-run. What it left behind, in numbers, logs, traces, answers and files, is for the tests to look at.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from clients.real_service import ORICODE
from conformance.house import House
from conformance.wires import WIRES
from observe.collector import Collector
from upstream import Status, WaitFor, error_body, message, text, tool_use
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

PROMPT, SYSTEM, CODE, SAID, UPSTREAM, JUNK = (
    f"canary-{what}-4be1" for what in ("prompt", "system", "code", "said", "upstream", "junk")
)
WRITTEN = (PROMPT, SYSTEM, CODE, SAID, UPSTREAM, JUNK)
"""What people, models and tools wrote."""
PROVIDER_KEY = "sk-ant-canary-provider-4be1"
AT_ONCE = {"retry-after": "0"}
PATIENCE = 30
SETTINGS = {
    "ORICODE_LOG_FORMAT": "json",
    "ORICODE_LOG_LEVEL": "debug",
    "ORICODE_REQUEST_LOG": "on",
    "ORICODE_APPROVALS": "mcp_check_syntax=ask",
    "ORICODE_UPSTREAM_READ_SECONDS": "2",
    "ORICODE_UPSTREAM_ATTEMPTS": "2",
    "ANTHROPIC_API_KEY": PROVIDER_KEY,
}


@dataclass
class Left:
    """What the scenario left behind."""

    folder: Path
    keys: list[str] = field(default_factory=list)
    tickets: list[str] = field(default_factory=list)
    before: str = ""
    """``/metrics`` just before the kill."""
    after: str = ""
    """… and at the end."""
    log: list[dict[str, Any]] = field(default_factory=list)
    raw_log: str = ""
    """Everything but the banner."""
    traces: bytes = b""
    errors: list[str] = field(default_factory=list)
    """Bodies and headers of all refusals, and close reasons."""


async def play(folder: Path) -> Left:
    """The whole of it."""
    left = Left(folder)
    async with Collector() as collector:
        traces = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_BSP_SCHEDULE_DELAY": "50"}
        async with House(folder, **SETTINGS, **traces) as house, asyncio.timeout(4 * PATIENCE):
            left.keys += [house.key, house.other_key]
            for scene in (_answers, _tools, _failures, _resumes, _refusals, _leavers):
                await scene(house, left)
            await _revoked(house, left)
            left.before = (await house.http.get("/metrics")).text
            await _killed(house)
            left.after = (await house.http.get("/metrics")).text
            await house.service.stop()
            left.log = house.service.log_lines()
            left.raw_log = "\n".join(
                line for line in bytes(house.service.said).decode().splitlines() if not line.startswith("  ")
            )
        left.traces = collector.received
    return left


def _body(model: str, **more: Any) -> dict[str, Any]:
    return {"prompt": PROMPT, "system": SYSTEM, "model": model, "client_type": "vscode", **more}


async def _answers(house: House, left: Left) -> None:
    """One answer over each transport, long enough for a heartbeat."""
    for number, wire in enumerate(WIRES.values()):
        milestone = f"slow-{number}"
        model = house.model(
            [*message(text(SAID, pieces=3))[:4], WaitFor(milestone), *message(text(SAID, pieces=3))[4:]]
        )
        async with wire(house).open(**_body(model.name)) as opened:
            await opened.until("heartbeat" if wire.name != "json" else "content")
            if wire.name == "json":  # the first white space is on the wire when the head is
                await _until(house, "oricode_heartbeats_total", 3)
            house.upstream.release(milestone)
            answer = await opened.answer()
            assert answer.text == SAID
            rating = {"rating": "up", "comment": JUNK}
            assert (await house.http.post(f"/api/runs/{answer.run_id}/feedback", json=rating)).status_code == 200


async def _tools(house: House, left: Left) -> None:
    """A chunk, a syntax check that a person allows, a deployment, a tool of the client."""
    chunk = {"program": "ZCANARY", "chunk_index": 0, "total_chunks": 1, "code": f"* {CODE}\nREPORT zcanary."}
    mine = {"name": "client_tool", "description": JUNK, "input_schema": {"type": "object"}}
    model = house.model(
        message(tool_use("t1", "mcp_store_code_chunk", chunk)),
        message(tool_use("t2", "mcp_check_syntax", {"program": "ZCANARY"})),
        message(tool_use("t3", "mcp_deploy_stored_code", {"program": "ZCANARY"})),
        message(text(SAID)),
    )
    asking = house.model(message(tool_use("t4", "client_tool", {"x": CODE})), message(text(SAID)))
    wire = WIRES["websocket"](house)
    async with wire.open(**_body(model.name, approvals=True)) as opened:
        await opened.until("approval_required")
        await wire.approve(opened.run_id, "appr_t2", "approve")
        assert (await opened.answer()).status == "completed"
    async with wire.open(**_body(asking.name, tools=[mine])) as opened:
        await opened.until("tool_call")
        await wire.tool_result(opened.run_id, tool_call_id="t4", content=CODE)
        assert (await opened.answer()).status == "completed"


async def _failures(house: House, left: Left) -> None:
    """A retry, a refusal by the provider, a provider that stays silent."""
    retried = house.model([Status(529, error_body("overloaded_error", UPSTREAM), AT_ONCE)], message(text(SAID)))
    refused = house.model([Status(400, error_body("invalid_request_error", UPSTREAM))])
    silent = house.model([WaitFor("never")], [WaitFor("never")])
    answers = [await house.http.post("/api/chat", json=_body(m.name)) for m in (retried, refused, silent)]
    assert [answer.json()["status"] for answer in answers] == ["completed", "failed", "failed"]
    left.errors += [str(answer.json()["error"]) for answer in answers[1:]]


async def _resumes(house: House, left: Left) -> None:
    """Every answer that a cursor can get, over both streams."""
    model = house.model([*message(text(SAID, pieces=4))[:6], WaitFor("resumed"), *message(text(SAID, pieces=4))[6:]])
    async with WIRES["sse"](house).open(**_body(model.name)) as opened:
        event = await opened.until("content")
        assert event is not None
        run = opened.run_id
        async with house.http.stream("GET", f"/api/runs/{run}/events", headers={"Last-Event-ID": event.id}) as again:
            assert again.status_code == 200
            await anext(again.aiter_lines())
        async with house.http.stream("GET", f"/api/runs/{run}/events?after={run}.7.2") as gap:
            assert gap.status_code == 200
            await anext(gap.aiter_lines())
        async with connect(_socket(house), additional_headers={"X-API-Key": house.key}) as socket:
            await socket.send(json.dumps({"command": "attach", "ref": 1, "data": {"run": run, "after": event.id}}))
            while "resume" not in json.loads(await socket.recv()).get("data", {}):
                pass
        house.upstream.release("resumed")
        last = (await opened.answer()).last_id
    ended = await house.http.get(f"/api/runs/{run}/events", headers={"Last-Event-ID": last})
    assert ended.status_code == 204


async def _refusals(house: House, left: Left) -> None:
    """Everything that can be wrong with a request, with a canary in it."""
    http, wrong = house.http, {"X-API-Key": house.key[:-1] + ("A" if house.key[-1] != "A" else "B")}
    ticket = (await http.post("/api/tickets")).json()["ticket"]
    left.tickets.append(ticket)
    for answer in (
        await http.post("/api/chat", json=_body("echo"), headers=wrong),
        await http.get(f"/api/chats?key={house.key}&q={JUNK}", headers=wrong),
        await http.get(f"/api/ws?ticket={ticket}"),
        await http.post(
            "/api/chat", content=b'{"prompt": "' + PROMPT.encode(), headers={"Content-Type": "application/json"}
        ),
        await http.post("/api/chat", json={"prompt": [JUNK]}),
        await http.post("/api/chat", json=_body("echo", tools=[{"name": JUNK + "!"}])),
        await http.post("/api/chat", json=_body("no-such-model")),
        await http.post("/api/chat", json={"prompt": PROMPT * 9000}),
        await http.post("/api/chat", json=_body("echo", chat_id="chat_absent")),
        await http.get("/api/runs/run_absent/events", headers={"Last-Event-ID": "!" + JUNK}),
        await http.get("/", headers={"Origin": "https://evil.example"}),
    ):
        assert 400 <= answer.status_code < 500, answer
        left.errors.append(f"{dict(answer.headers)} {answer.text}")
    for headers in (wrong, {"Authorization": f"Bearer {JUNK}"}):
        with suppress(WebSocketException) as refused:
            async with connect(_socket(house), additional_headers=headers):
                pass
        left.errors.append(str(refused))
    async with connect(_socket(house), additional_headers={"X-API-Key": house.key}) as socket:
        for frame in ('{"command":"' + JUNK, json.dumps({"command": JUNK, "ref": 1, "data": {}}), JUNK.encode()):
            await socket.send(frame)
        with suppress(WebSocketException):
            while True:
                reply = await socket.recv()
                if '"ok":false' in str(reply):
                    left.errors.append(str(reply))
        left.errors.append(f"{socket.close_code} {socket.close_reason}")


async def _leavers(house: House, left: Left) -> None:
    """Viewers that go away: a stream that ends unwatched, a JSON answer that comes too late."""
    for name, streamed in (("unwatched", True), ("too-late", False)):
        model = house.model([*message(text(SAID))[:3], WaitFor(name), *message(text(SAID))[3:]])
        body = _body(model.name, stream=streamed)
        with suppress(httpx.ReadTimeout):
            async with house.http.stream("POST", "/api/chat", json=body, timeout=1.0) as answer:
                async for _ in answer.aiter_raw():
                    break
        await _until(house, "oricode_runs_unwatched", 1)
        house.upstream.release(name)
        await _until(house, "oricode_runs_live", 0)


async def _revoked(house: House, left: Left) -> None:
    """A key is revoked while its stream is open."""
    key = await house.make_key("leaver")
    left.keys.append(key)
    model = house.model([*message(text(SAID))[:3], WaitFor("revoked"), *message(text(SAID))[3:]])
    async with (
        house.client(key) as http,
        http.stream("POST", "/api/chat", json=_body(model.name, stream=True)) as answer,
    ):
        lines = answer.aiter_lines()
        await anext(lines)
        command = [ORICODE, "keys", "revoke", key, "--data-dir", str(left.folder)]
        revoking = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.DEVNULL)
        async with asyncio.timeout(PATIENCE):
            await revoking.wait()
            assert "event: reconnect" in [line async for line in lines]
    house.upstream.release("revoked")
    await _until(house, "oricode_runs_live", 0)


async def _killed(house: House) -> None:
    """The process is killed in mid-run and started again."""
    model = house.model([*message(text(SAID, pieces=4))[:5], WaitFor("never")], message(text(SAID)))
    async with house.http.stream("POST", "/api/chat", json=_body(model.name, stream=True)) as answer:
        async for line in answer.aiter_lines():
            if line == "event: content":
                break
        await house.service.kill()
    await house.service.start()
    await _until(house, "oricode_runs_live", 0)


async def _until(house: House, metric: str, least: float) -> None:
    """A metric, summed over its labels, reached a value (0: fell to it)."""
    reached: Callable[[float], bool] = (lambda n: n >= least) if least else (lambda n: n == 0)

    async def now() -> float:
        lines = (await house.http.get("/metrics")).text.splitlines()
        return sum(
            float(line.rpartition(" ")[2]) for line in lines if line.partition("{")[0].partition(" ")[0] == metric
        )

    await _poll(now, reached)


async def _poll(value: Callable[[], Awaitable[float]], reached: Callable[[float], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not reached(await value()):
            await asyncio.sleep(0.02)


def _socket(house: House) -> str:
    return house.url.replace("http", "ws") + "/api/ws"
