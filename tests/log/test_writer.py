"""The writing end of a log: what cannot be written leaves no trace in it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from log.books import Books, apart
from oricode_protocol.events import Content, Done, MessageStart, MessageStop
from oricode_protocol.lifecycle import IllegalEvent
from oricode_service.log.commit import GroupCommit
from oricode_service.log.run_log import RunLog
from oricode_service.log.writer import RunWriter

START = MessageStart(message_id="m", turn=1, attempt=1, model="x")
NO_JSON: Any = object()


@pytest.mark.parametrize(
    ("events", "why"),
    [
        ([MessageStop(message_id="m"), Done(message=NO_JSON, status="failed")], TypeError),
        ([MessageStop(message_id="m"), MessageStop(message_id="m")], IllegalEvent),
    ],
)
async def test_a_commit_that_cannot_be_written_leaves_no_hole(events: list[Any], why: type[Exception]) -> None:
    books, log = Books(), RunLog(1, "run_1")
    commit = GroupCommit(books, lambda fenced: None)
    writer = RunWriter(commit, log, 1)
    writer.append(START)
    with pytest.raises(why):
        await writer.commit(events, [])
    writer.append(Content(text="x", index=0))
    async with asyncio.timeout(5):
        await writer.commit([MessageStop(message_id="m"), Done(message="", status="failed")], [])
    assert [record.seq for record in apart(books.records)] == [1, 2, 3, 4]
    await commit.stop()


async def test_an_event_that_cannot_be_written_does_not_count_as_said() -> None:
    books, log = Books(), RunLog(1, "run_1")
    commit = GroupCommit(books, lambda fenced: None)
    writer = RunWriter(commit, log, 1)
    with pytest.raises(TypeError):
        writer.append(MessageStart(message_id=NO_JSON, turn=1, attempt=1, model="x"))
    with pytest.raises(IllegalEvent):
        writer.append(Content(text="x", index=0))  # no message is open
    writer.append(START)
    async with asyncio.timeout(5):
        await commit.flushed()
    assert [record.event for record in books.records] == ["message_start"]
    await commit.stop()
