"""A power cut may take deltas that were seen; the cursor behind them is an announced gap, never a silent splice."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable

from faults.scene import Bench, viewer

from bench.faults.wire import Message, Parser, request


async def test_a_cursor_into_events_that_a_power_cut_took_is_a_gap_with_a_snapshot(bench: Callable[..., Bench]) -> None:
    scene = bench()
    await scene.service.start()
    wanted, watch = scene.watch("long")
    first = viewer(watch)
    watching = asyncio.create_task(first.run())
    seen = asyncio.Event()
    watch.on_event = lambda *_: seen.set()
    async with asyncio.timeout(15):
        while len(first.sight.messages) < 100:
            seen.clear()
            await seen.wait()
    await scene.service.kill()
    watching.cancel()
    cursor = first.sight.messages[-1].id
    (journal,) = [file for file in scene.service.folder.glob("oricode.deltas-*") if file.stat().st_size]
    os.truncate(journal, journal.stat().st_size // 2)
    await scene.service.start()

    tail = await _tail(scene, cursor)

    assert tail[0].event == "connected"
    assert tail[0].data["resume"] == "gap"
    assert tail[1].event == "snapshot"
    assert int(tail[1].id.rpartition(".")[2]) > 1
    assert tail[-1].event == "done"
    text = await _document(scene, watch.run_id.result())
    assert text == wanted.text


async def test_a_cursor_into_events_that_are_there_is_no_gap(bench: Callable[..., Bench]) -> None:
    scene = bench()
    await scene.service.start()
    wanted, watch = scene.watch("text")
    sight = await viewer(watch).run()
    tail = await _tail(scene, sight.messages[len(sight.messages) // 2].id)
    assert tail[0].data["resume"] == "replay"
    await scene.judge(wanted, watch, sight)
    assert scene.verdict.violations == []


async def _tail(scene: Bench, cursor: str) -> list[Message]:
    run_id = cursor.split(".")[0]
    headers = {"X-API-Key": scene.service.key, "Last-Event-ID": cursor}
    parser, messages = Parser(), []
    async with request(scene.service.port, "GET", f"/api/runs/{run_id}/events", headers, silence=10) as answer:
        async for data in answer.body():
            messages += parser.feed(data)
    return [message for message in messages if message.event != "heartbeat"]


async def _document(scene: Bench, run_id: str) -> str:
    headers = {"X-API-Key": scene.service.key}
    async with request(scene.service.port, "GET", f"/api/runs/{run_id}", headers, silence=10) as answer:
        return str(json.loads(await answer.whole())["text"])
