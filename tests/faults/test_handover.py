"""SIGUSR2: the next process takes over while people wait, and nobody is refused; a broken next one changes nothing."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from faults.scene import Bench, viewer

from bench.faults import plan as plans
from bench.faults.wire import request

PATIENCE = 90.0


async def until_owned_by_another(scene: Bench, pid: int) -> int:
    """The process that serves the folder, once it is another one."""
    async with asyncio.timeout(PATIENCE):
        while (now := owner(scene)) in (pid, 0):
            await asyncio.sleep(0.01)
    return now


def owner(scene: Bench) -> int:
    said = (scene.service.folder / "oricode.lock").read_text().split()
    return int(said[1]) if len(said) == 2 else 0


async def ask(scene: Bench, tag: str, seconds: int) -> bool:
    """An old client: one request, no second try. Whether it got its whole answer."""
    wanted = plans.make(tag, seconds, "busy")
    body = {"prompt": plans.prompt(tag, seconds, "busy")}
    headers = {"X-API-Key": scene.service.key}
    async with request(scene.service.port, "POST", "/api/chat", headers, body, silence=PATIENCE) as answer:
        document: dict[str, Any] = json.loads(await answer.whole())
    assert (answer.status, document["status"], document.get("error")) == (200, "completed", None)
    return bool(document["text"] == wanted.text)


async def old_people(scene: Bench, name: str, seconds: int, stop: asyncio.Event) -> int:
    """One after the other asks for a JSON answer, without a second try; how many."""
    count = 0
    while not stop.is_set():
        count += 1
        assert await ask(scene, f"{name}{count}", seconds), "the answer is another one"
    return count


async def viewers(scene: Bench, stop: asyncio.Event, half: asyncio.Event) -> int:
    """One run after the other is watched and judged; how many of them went on in another process.

    ``half`` is set in the middle of the first one, when it has said five things of nine.
    """
    recovered = 0
    events = count(1)
    while not stop.is_set():
        wanted, watch = scene.watch("busy", seed=3, limit=PATIENCE)
        watch.on_event = lambda *_: half.set() if next(events) > 5 else None
        log = await scene.judge(wanted, watch, await viewer(watch, ways=("sse-post",)).run())
        recovered += any(message.event == "recovering" for message in log)
    return recovered


@pytest.mark.parametrize("heartbeat", ["0.5", "15"], ids=["white space has begun", "nothing was sent yet"])
async def test_the_next_process_goes_on_and_nobody_notices(bench: Callable[..., Bench], heartbeat: str) -> None:
    scene = bench(ORICODE_HEARTBEAT_SECONDS=heartbeat)
    await scene.service.start()
    former = scene.service.running
    pid = owner(scene)
    half, stop = asyncio.Event(), asyncio.Event()
    async with asyncio.timeout(PATIENCE):
        watching = asyncio.create_task(viewers(scene, stop, half))
        waiting = asyncio.create_task(old_people(scene, "old", 3, stop))
        knocking = asyncio.create_task(old_people(scene, "knock", 0, stop))
        await half.wait()
        second = asyncio.create_task(viewers(scene, stop, half))  # one of both is in the middle at any time

        os.kill(pid, signal.SIGUSR2)
        following = await until_owned_by_another(scene, pid)
        try:
            stop.set()
            assert await watching + await second >= 1, "nobody watched when it happened"
            assert await waiting >= 1
            assert await knocking >= 1
            assert await former.wait() == 0, "the former process stayed although nobody waits at it any more"
        finally:
            os.kill(following, signal.SIGKILL)
    assert scene.verdict.violations == []


async def test_a_next_process_that_does_not_come_up_changes_nothing(
    bench: Callable[..., Bench], tmp_path: Path
) -> None:
    script = tmp_path / "demo.yaml"
    script.write_text("scenes: [[{say: Hello}]]\n")
    scene = bench(ORICODE_SCRIPT=str(script))
    await scene.service.start()
    script.unlink()
    os.kill(owner(scene), signal.SIGUSR2)
    async with asyncio.timeout(PATIENCE):
        while not any("this one goes on" in line for line in scene.service.running.said):
            await asyncio.sleep(0.01)
    assert await ask(scene, "still", 0)
    assert scene.service.running.alive


async def test_without_a_handover_an_old_client_is_left_without_its_answer(bench: Callable[..., Bench]) -> None:
    """The control of the first test: SIGTERM, when nobody else goes on with the run."""
    scene = bench(ORICODE_HEARTBEAT_SECONDS="15")
    await scene.service.start()
    body = {"prompt": plans.prompt("left", 20, "busy")}
    headers = {"X-API-Key": scene.service.key}
    async with asyncio.timeout(PATIENCE):
        async with request(scene.service.port, "GET", "/api/chats", headers) as answer:
            assert json.loads(await answer.whole())["chats"] == []
        asked = asyncio.create_task(_status(scene, body))
        while True:
            async with request(scene.service.port, "GET", "/api/chats", headers) as answer:
                if json.loads(await answer.whole())["chats"]:
                    break
        assert await scene.service.drain() == 0
        assert await asked == 503


async def _status(scene: Bench, body: dict[str, str]) -> int:
    headers = {"X-API-Key": scene.service.key}
    async with request(scene.service.port, "POST", "/api/chat", headers, body, silence=PATIENCE) as answer:
        await answer.whole()
        return answer.status
