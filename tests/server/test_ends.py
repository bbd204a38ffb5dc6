"""How it stops: in which order, how a process takes one signal and two."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from server.apps import App
from server.conftest import Running, Serve, running
from server.peers import HELLO, Peer, masked


async def refused(server: Running) -> bool:
    """Whether nobody can connect any more."""
    try:
        peer = await Peer.connect(server.address)
    except ConnectionRefusedError:
        return True
    peer.vanish()
    return False


async def test_draining_comes_after_readiness_and_listening_and_before_closing() -> None:
    seen: dict[str, Any] = {}

    async def on_drain() -> None:
        seen["ready"] = not server.server.draining
        seen["refused"] = await refused(server)
        seen["open"] = server.server.open_connections
        await idle.send(HELLO % b"healthz")  # who is connected can still ask: readiness, for one
        seen["answer"] = await idle.answer()
        for outlet in server.app.outlets[:2]:
            outlet.write(b"reconnect")

    async with running(App(), on_drain) as server:
        stream, socket, idle = (
            await server.stream("hold"),
            await server.socket("echo"),
            await Peer.connect(server.address),
        )
        await stream.head()
        await stream.chunk()
        await idle.ask("healthz")
        server.server.stop()
        assert server.server.draining
        assert await stream.chunk() == b"reconnect"
        assert await socket.frame() == (1, b"reconnect")
        assert await socket.close_code() == 1012
        assert await idle.rest() == b""
        await server.app.until("told")
        assert server.app.told[0] == (1012, None)
        assert seen.pop("answer").endswith(b"ok")
        assert seen == {"ready": False, "refused": True, "open": 3}


async def test_streams_that_end_by_themselves_are_waited_for(serve: Serve) -> None:
    server = await serve(grace_seconds=5)
    stream = await Peer.connect(server.address)
    await stream.send(b"GET /drip?100 HTTP/1.1\r\nHost: x\r\n\r\n")
    await stream.head()
    server.server.stop()
    pieces = [await stream.chunk() for _ in range(101)]
    assert pieces[-2:] == [b"99\n", b""]
    assert await stream.rest() == b""


async def test_streams_that_do_not_end_are_cut_after_the_grace_time_without_noise(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with running(App(), grace_seconds=0.3) as server:
        for _ in range(5):
            await server.stream("hold")
            await server.stream("flood")
            await server.socket("flood")
        await server.app.until("streaming", 5)
        await server.app.until("full", 10)
        server.server.stop()
        await server.app.until("returned", 15)
        await server.until(lambda: server.server.open_connections == 0)
    assert "Traceback" not in caplog.text
    assert len(caplog.records) <= 3


async def test_an_answer_that_asked_to_stay_outlasts_the_grace_time_and_nobody_else_does() -> None:
    async def on_drain() -> float:
        server.app.outlets[0].stay()
        return 60.0

    async with running(App(), on_drain, grace_seconds=0.1) as server:
        staying, other = await server.stream("hold"), await server.stream("hold")
        for stream in (staying, other):
            await stream.head()
            await stream.chunk()
        server.server.stop()
        await server.until_cut("restarting", 1)
        server.app.outlets[0].write(b"and still here")
        assert await staying.chunk() == b"and still here"
        assert server.server.open_connections == 1
        staying.vanish()  # and the server ends at once, not after a minute


async def test_an_answer_that_stays_for_too_long_is_cut_in_the_end() -> None:
    async def on_drain() -> float:
        server.app.outlets[0].stay()
        return 0.3

    async with running(App(), on_drain, grace_seconds=0.1) as server:
        await (await server.stream("hold")).head()
        server.server.stop()
        await server.until_cut("restarting", 1)


async def test_a_drain_that_takes_too_long_is_not_waited_for(caplog: pytest.LogCaptureFixture) -> None:
    async def on_drain() -> None:
        await asyncio.Event().wait()

    async with running(App(), on_drain, drain_seconds=0.2) as server:
        socket = await server.socket("echo")
        server.server.stop()
        assert await socket.close_code() == 1012
    assert "draining took longer than 0.2 s" in caplog.text


async def test_a_drain_that_fails_still_closes_everything() -> None:
    async def on_drain() -> None:
        raise ValueError("a bug in the drain")

    codes: list[int] = []

    async def run() -> None:
        async with running(App(), on_drain) as server:
            socket = await server.socket("echo")
            server.server.stop()
            codes.append(await socket.close_code())

    with pytest.raises(ValueError, match="a bug in the drain"):
        await run()
    assert codes == [1012]


async def test_a_peer_that_left_does_not_disturb_the_end(serve: Serve) -> None:
    """uvicorn would send a close frame to a connection that is closing already, and fail."""
    server = await serve()
    socket = await server.socket("flood")
    await server.app.until("full")
    await socket.send(masked(8, b"\x03\xe8"))
    await server.until(lambda: server.app.outlets[0].closed)
    server.server.stop()
    await server.app.until("returned")


# As a process.


class Process:
    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def line(self) -> str:
        assert self.process.stdout is not None
        async with asyncio.timeout(20):
            return (await self.process.stdout.readline()).decode().strip()

    async def exit_code(self) -> int:
        async with asyncio.timeout(20):
            return await self.process.wait()


@asynccontextmanager
async def process(**limits: Any) -> AsyncIterator[tuple[Process, tuple[str, int]]]:
    command = (sys.executable, str(Path(__file__).parent / "child.py"), "ours", json.dumps(limits))
    child = Process(await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE))
    try:
        yield child, ("127.0.0.1", int(await child.line()))
    finally:
        if child.process.returncode is None:
            child.process.kill()
            await child.process.wait()


@pytest.mark.asyncio(loop_factories=["asyncio"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_one_signal_drains_and_ends_the_process_with_success(number: signal.Signals) -> None:
    async with process() as (child, address):
        stream = await Peer.connect(address)
        await stream.send(HELLO % b"hold")
        await stream.head()
        child.process.send_signal(number)
        assert [await child.line() for _ in range(3)] == ["drain", "drained", "ended"]
        assert await child.exit_code() == 0


@pytest.mark.asyncio(loop_factories=["asyncio"])
@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
async def test_a_second_signal_ends_the_process_at_once(second: signal.Signals) -> None:
    async with process(hang=True, drain_seconds=3600) as (child, _):
        child.process.send_signal(signal.SIGTERM)
        assert await child.line() == "drain"
        child.process.send_signal(second)
        assert await child.exit_code() == -second
