"""MCP servers made with the official SDK, as child processes on stdio and over HTTP; and one of the old days."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from oricode_service.tools.mcp.backoff import Backoff
from oricode_service.tools.mcp.config import BadServer, Entry, HttpServer, StdioServer
from oricode_service.tools.mcp.servers import McpServers, check
from oricode_service.tools.port import Effect, Outcome, Step, Tool
from oricode_service.tools.registry import Registry
from tools.playing import PATIENCE, call_of, play

HERE = Path(__file__).parent
EXAMPLE, LEGACY = HERE / "example_mcp_server.py", HERE / "legacy_mcp_server.py"


async def until(holds: Callable[[], bool]) -> None:
    """Wait for what another process does."""
    async with asyncio.timeout(PATIENCE):
        while not holds():
            await asyncio.sleep(0.01)


class HttpExample:
    """The example server as an HTTP server, which can be killed and started again on its port."""

    def __init__(self, marks: Path) -> None:
        self._marks = marks
        self.port = 0

    async def start(self) -> None:
        self.process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(EXAMPLE),
            str(self.port),
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, "MARKS": str(self._marks)},
        )
        assert self.process.stdout is not None
        async with asyncio.timeout(PATIENCE):
            self.port = int((await self.process.stdout.readline()).split()[1])

    async def kill(self) -> None:
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()


def stdio(marks: Path, *args: str, name: str = "example", script: Path = EXAMPLE) -> StdioServer:
    return StdioServer(name, sys.executable, (str(script), *args), {"MARKS": str(marks), "SECRET": "from mcp.json"})


@asynccontextmanager
async def connected(*entries: Entry, idle_limit: float = 10.0) -> AsyncIterator[McpServers]:
    servers = McpServers(entries, idle_limit=idle_limit, hard_cap=60, backoff=Backoff(first=0.02, most=0.1))
    servers.start()
    try:
        await servers.settled(PATIENCE)
        yield servers
    finally:
        await servers.close()


@pytest.fixture
async def http(tmp_path: Path) -> AsyncIterator[HttpExample]:
    example = HttpExample(tmp_path)
    await example.start()
    yield example
    await example.kill()


@pytest.fixture(params=["stdio", "http"])
async def servers(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[McpServers]:
    if request.param == "stdio":
        async with connected(stdio(tmp_path)) as one:
            yield one
        return
    example = HttpExample(tmp_path)
    await example.start()
    async with connected(HttpServer("example", f"http://127.0.0.1:{example.port}/mcp", {})) as one:
        yield one
    await example.kill()


def tool(servers: McpServers, name: str) -> Tool:
    found = Registry([], lambda: servers.tools).get(name)
    assert found is not None, [one.name for one in servers.tools]
    return found


async def call(servers: McpServers, name: str, /, **input_: object) -> tuple[list[Step], Outcome]:
    return await play(Registry([], lambda: servers.tools).start(call_of(dict(input_)), name))


class TestOnBothTransports:
    async def test_tools_are_listed_with_prefix_schema_and_effect(self, servers: McpServers) -> None:
        assert {one.name: one.effect for one in servers.tools} == {
            "example__deploy": Effect.IDEMPOTENT,
            "example__environment": Effect.PURE,
            "example__fail": Effect.EFFECT,
            "example__grow": Effect.EFFECT,
            "example__hang": Effect.EFFECT,
            "example__seen_key": Effect.EFFECT,
        }
        deploy = tool(servers, "example__deploy")
        assert deploy.description == "Deploy an object in eight steps."
        assert deploy.input_schema["required"] == ["name"]
        assert deploy.runs == "mcp"
        assert servers.prefixes == ("example__",)

    async def test_progress_arrives_as_one_of_eight_to_eight_of_eight(self, servers: McpServers) -> None:
        steps, outcome = await call(servers, "example__deploy", name="ZFOO")
        assert steps == [Step(f"step {n}/8", "mcp", current=n, total=8) for n in range(1, 9)]
        assert (outcome.status, outcome.content) == ("ok", "deployed ZFOO")

    async def test_parallel_calls_keep_their_progress_apart(self, servers: McpServers) -> None:
        results = await asyncio.gather(
            *(call(servers, "example__deploy", name=f"Z{n}", steps=n, pause=0.01) for n in range(1, 6))
        )
        assert [len(steps) for steps, _ in results] == [1, 2, 3, 4, 5]
        assert [outcome.content for _, outcome in results] == [f"deployed Z{n}" for n in range(1, 6)]

    async def test_a_tool_that_fails_is_an_error_result(self, servers: McpServers) -> None:
        _, outcome = await call(servers, "example__fail")
        assert outcome.status == "error"

    async def test_a_wrong_input_does_not_reach_the_server(self, servers: McpServers) -> None:
        _, outcome = await call(servers, "example__deploy")
        assert outcome.content == "The input does not fit: the input lacks name."

    async def test_the_call_carries_its_idempotency_key(self, servers: McpServers) -> None:
        assert (await call(servers, "example__seen_key"))[1].content == "toolu_1"

    async def test_a_cancelled_call_is_cancelled_at_the_server(self, servers: McpServers, tmp_path: Path) -> None:
        running = asyncio.create_task(call(servers, "example__hang"))
        await until((tmp_path / "hanging").exists)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        await until((tmp_path / "cancelled").exists)
        assert (await call(servers, "example__deploy", name="ZFOO"))[1].status == "ok"

    async def test_a_tool_that_appears_later_can_be_called(self, servers: McpServers) -> None:
        await call(servers, "example__grow")
        await until(lambda: any(one.name == "example__grown" for one in servers.tools))
        assert (await call(servers, "example__grown"))[1].content == "grown"


async def test_a_call_without_progress_is_given_up_and_one_with_progress_is_not(tmp_path: Path) -> None:
    async with connected(stdio(tmp_path), idle_limit=0.5) as servers:
        _, outcome = await call(servers, "example__deploy", name="ZFOO", steps=6, pause=0.2)
        assert outcome.status == "ok", "1.2 seconds in all, but never 0.5 without progress"
        steps, outcome = await call(servers, "example__hang")
        assert steps == [Step("hanging", "mcp", current=0)]
        assert outcome.status == "unknown"
        assert "showed no progress for 0.5 seconds and was cancelled" in outcome.content
        await until((tmp_path / "cancelled").exists)


async def test_a_call_that_only_ever_progresses_meets_the_hard_cap(tmp_path: Path) -> None:
    servers = McpServers([stdio(tmp_path)], hard_cap=0.5)
    servers.start()
    await servers.settled(PATIENCE)
    _, outcome = await call(servers, "example__deploy", name="ZFOO", steps=1000, pause=0.02)
    await servers.close()
    assert "did not finish within 0.5 seconds" in outcome.content


async def test_a_server_that_dies_loses_its_tools_and_is_started_again(tmp_path: Path) -> None:
    async with connected(stdio(tmp_path)) as servers:
        hanging = tool(servers, "example__hang")
        running = asyncio.create_task(call(servers, "example__hang"))
        await until((tmp_path / "hanging").exists)
        await kill_children()
        _, outcome = await running
        assert outcome.status == "unknown"
        assert (
            "the connection to the MCP server example broke; whether it took effect cannot be told" in outcome.content
        )
        await until(lambda: servers.report()[0].state == "ready" and tool(servers, "example__hang") is not hanging)
        assert (await call(servers, "example__deploy", name="ZFOO"))[1].status == "ok"


async def test_an_idle_server_that_dies_is_noticed(tmp_path: Path) -> None:
    servers = McpServers([stdio(tmp_path)], backoff=Backoff(first=1000, most=1000))
    servers.start()
    await servers.settled(PATIENCE)
    stale = tool(servers, "example__deploy")
    await kill_children()
    await until(lambda: servers.report()[0].state == "down")
    assert servers.tools == ()
    assert (await call(servers, "example__deploy", name="Z"))[
        1
    ].content == "There is no tool example__deploy at the moment."
    _, outcome = await play(stale.run(call_of({"name": "Z"})))
    assert "is not connected: the connection ended" in outcome.content
    await servers.close()


async def test_an_http_server_may_go_and_come_back(http: HttpExample, tmp_path: Path) -> None:
    async with connected(HttpServer("example", f"http://127.0.0.1:{http.port}/mcp", {})) as servers:
        running = asyncio.create_task(call(servers, "example__hang"))
        await until((tmp_path / "hanging").exists)
        await http.kill()
        assert (await running)[1].status == "unknown"
        await until(lambda: servers.report()[0].state == "down")
        await http.start()
        await until(lambda: servers.report()[0].state == "ready")
        assert (await call(servers, "example__deploy", name="ZFOO"))[1].status == "ok"


async def test_closing_does_not_wait_for_a_server_that_never_answers(tmp_path: Path) -> None:
    silent = tmp_path / EXAMPLE.name
    silent.write_text("import sys\nsys.stdin.read()\n")
    servers = McpServers([StdioServer("silent", sys.executable, (str(silent),), {})], connect_limit=1000)
    servers.start()
    await until(lambda: bool(children(silent)))
    async with asyncio.timeout(PATIENCE):
        await servers.close()
    assert servers.report()[0].state == "stopped"
    assert children(silent) == []


async def test_one_dead_server_does_not_hurt_the_others(tmp_path: Path) -> None:
    entries = [StdioServer("gone", "/nonexistent/mcp", (), {}), stdio(tmp_path), BadServer("odd", "no command")]
    async with connected(*entries) as servers:
        assert [(one.name, one.state) for one in servers.report()] == [
            ("gone", "down"),
            ("example", "ready"),
            ("odd", "unusable"),
        ]
        assert {one.name.partition("__")[0] for one in servers.tools} == {"example"}


async def test_only_the_configured_environment_reaches_a_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "not for servers")
    async with connected(stdio(tmp_path)) as servers:
        assert (await call(servers, "example__environment", name="SECRET"))[1].content == "from mcp.json"
        assert (await call(servers, "example__environment", name="ANTHROPIC_API_KEY"))[1].content == "(not set)"


async def test_a_server_of_the_handshake_era_works(tmp_path: Path) -> None:
    async with connected(stdio(tmp_path, name="old", script=LEGACY)) as servers:
        assert servers.report()[0].protocol == "2025-06-18"
        steps, outcome = await call(servers, "old__echo_text", a=1)
        assert [step.current for step in steps] == [1, 2, 3, 4, 5, 6, 7, 8]
        assert outcome.content == '{"a": 1}'
        await until(lambda: len(servers.tools) == 2)
        assert servers.report()[0].refused == (
            ("odd", "its input schema is not valid: 'numbr' is not valid under any of the given schemas"),
        )
        _, outcome = await call(servers, "old__quit")
        assert outcome.status == "unknown"
        await until(lambda: [one.name for one in servers.tools] == ["old__echo_text"])


async def test_check_reports_what_it_found_and_leaves_nothing_running(tmp_path: Path) -> None:
    entries = [
        stdio(tmp_path),
        StdioServer("gone", "/nonexistent/mcp", (), {}),
        HttpServer("web", "http://127.0.0.1:9/mcp", {}),
    ]
    example, gone, web = await check(entries, limit=20)
    assert (example.state, example.protocol, example.software) == ("ready", "2026-07-28", "example 1.2")
    assert ("example__environment", "pure") in example.tools
    assert (gone.state, gone.reason) == ("down", "No such file or directory")
    assert (web.state, web.reason) == ("down", "the connection failed (ConnectError)")
    await until(lambda: not children())


def children(script: Path = EXAMPLE) -> list[int]:
    """Processes of ours that run a server's script."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
        if parent == os.getpid() and str(script).encode() in words:
            found.append(int(entry.name))
    return found


async def kill_children() -> None:
    (pid,) = children()
    os.kill(pid, signal.SIGKILL)
