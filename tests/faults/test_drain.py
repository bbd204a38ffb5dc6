"""SIGTERM: viewers are told to reconnect, the process ends in time, the next goes on; one process per directory."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable

import websockets
from faults.scene import Bench, viewer

from bench.faults.wire import Parser, request

GRACE = 5.0
"""``ORICODE_GRACE_SECONDS`` of the suite's services."""


async def test_a_drain_is_announced_ends_in_time_and_the_next_process_goes_on(bench: Callable[..., Bench]) -> None:
    scene = bench()
    await scene.service.start()
    wanted, watch = scene.watch("long")
    first = viewer(watch, ways=("sse-header",))
    seen = asyncio.Event()
    watch.on_event = lambda *_: seen.set()
    watching = asyncio.create_task(first.run())
    async with asyncio.timeout(10):
        await seen.wait()
    joined = asyncio.Queue[None]()
    run_id = watch.run_id.result()
    told = [asyncio.create_task(_reconnect_over_sse(scene, run_id, joined)) for _ in range(4)]
    told.append(asyncio.create_task(_reconnect_over_websocket(scene, run_id, joined)))
    async with asyncio.timeout(10):
        for _ in told:
            await joined.get()
    reader, writer = await asyncio.open_connection("127.0.0.1", scene.service.port)
    assert await _readiness(reader, writer) == 200

    loop = asyncio.get_running_loop()
    began = loop.time()
    draining = asyncio.create_task(scene.service.drain(GRACE + 5))
    async with asyncio.timeout(GRACE):
        while (ready := await _readiness(reader, writer)) == 200:
            pass  # the signal is on its way
    assert ready in (503, None), "refused, or closed already: never ready while it drains"
    assert await draining == 0
    assert loop.time() - began < GRACE + 2
    waits = await asyncio.gather(*told)
    assert all(200 <= after <= 2000 for after in waits), waits
    assert len(set(waits)) > 1, "everybody would come back at the same moment"
    writer.close()

    await scene.service.start()
    log = await scene.judge(wanted, watch, await watching)
    assert scene.verdict.violations == []
    assert [message.event for message in log].count("recovering") == 1


async def _reconnect_over_sse(scene: Bench, run_id: str, joined: asyncio.Queue[None]) -> int:
    """``after_ms`` of the ``reconnect`` that ends the stream."""
    messages, parser = [], Parser()
    path, headers = f"/api/runs/{run_id}/events", {"X-API-Key": scene.service.key}
    async with request(scene.service.port, "GET", path, headers, silence=10) as answer:
        async for data in answer.body():
            if not messages:
                joined.put_nowait(None)
            messages += parser.feed(data)
    assert messages[-1].event == "reconnect"
    return int(messages[-1].data["after_ms"])


async def _reconnect_over_websocket(scene: Bench, run_id: str, joined: asyncio.Queue[None]) -> int:
    after = -1
    async with websockets.connect(
        f"ws://127.0.0.1:{scene.service.port}/api/ws",
        additional_headers={"X-API-Key": scene.service.key},
        subprotocols=[websockets.Subprotocol("oricode.v1")],
        proxy=None,
    ) as socket:
        await socket.send(json.dumps({"command": "attach", "ref": 1, "data": {"run": run_id}}))
        with contextlib.suppress(websockets.ConnectionClosed):
            while True:
                message = json.loads(await socket.recv())
                if "ref" in message:
                    joined.put_nowait(None)
                if message.get("event") == "reconnect":
                    after = message["data"]["after_ms"]
    assert socket.close_code == 1012
    return int(after)


async def _readiness(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> int | None:
    """The status of ``/readyz`` on a connection that is kept; None when the service closed it."""
    try:
        async with asyncio.timeout(5):
            writer.write(b"GET /readyz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0]))
    except (ConnectionError, asyncio.IncompleteReadError):
        return None
    return int(head.split(b" ")[1])


async def test_a_second_process_on_the_same_directory_names_the_owner_and_exits_2(bench: Callable[..., Bench]) -> None:
    scene = bench()
    await scene.service.start()
    argv = ["serve", "--port", "0", "--data-dir", str(scene.service.folder)]
    second = await scene.zygote.start(argv, scene.service.environment(), None)

    lines = []
    async with asyncio.timeout(10):
        while line := await second.output.readline():
            lines.append(line.decode())
    assert await second.wait(10) == 2
    assert f"pid {scene.service.running.pid}" in lines[-1]
