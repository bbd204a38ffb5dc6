"""A store that refuses: whoever watches is told soon, not with the next heartbeat, and not of every hitch."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from log.books import Books, record
from oricode_service.log import commit as commit_module
from oricode_service.log import hub
from oricode_service.log.commit import GroupCommit
from oricode_service.log.hub import Logs
from oricode_service.log.pulse import Pulse
from oricode_service.log.reader import Reader, Word
from oricode_service.log.run_log import RunLog

INTERVAL = 1000.0
"""Of heartbeats: none comes by itself within a test."""


class Scene:
    """A log with a viewer, over a store that refuses when it is told to."""

    def __init__(self) -> None:
        self.books = Books()
        self.commit = GroupCommit(self.books, lambda fenced: None)
        self.pulse = Pulse(INTERVAL)
        self.logs = Logs(self.books, self.commit, self.pulse)
        self.log = RunLog(1, "run_1")
        self.reader: Reader = self.logs.reader(self.log, 0)

    async def next(self) -> object:
        async with asyncio.timeout(5):
            return await self.reader.next()


@pytest.fixture
async def scene(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Scene]:
    monkeypatch.setattr(commit_module, "RETRY_SECONDS", (0.0,))
    made = Scene()
    yield made
    made.pulse.close()
    await made.commit.stop()


async def test_a_viewer_is_told_of_an_outage_although_its_heartbeat_is_far_away(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "TELL_SECONDS", 0.0)
    scene.books.refusals = 10**9
    scene.commit.append(scene.log, record(1))
    assert await scene.next() is Word.BEAT
    assert scene.logs.unavailable, "so the heartbeat says so"
    scene.books.refusals = 0
    assert await scene.next() == [record(1)]


async def test_a_hitch_is_told_to_nobody(scene: Scene) -> None:
    scene.books.refusals = 3
    scene.commit.append(scene.log, record(1))
    assert await scene.next() == [record(1)]
    scene.logs._tell()  # the time has come, and there is nothing to tell any more
    scene.commit.append(scene.log, record(2))
    assert await scene.next() == [record(2)]


async def test_who_comes_during_an_outage_is_told_too(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "TELL_SECONDS", 0.0)
    monkeypatch.setattr(hub, "TELL_AGAIN_SECONDS", 0.01)
    scene.books.refusals = 10**9
    scene.commit.append(scene.log, record(1))
    assert await scene.next() is Word.BEAT
    late = scene.logs.reader(scene.log, 0)
    async with asyncio.timeout(5):
        assert await late.next() is Word.BEAT
    scene.books.refusals = 0
