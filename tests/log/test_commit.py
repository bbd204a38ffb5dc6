"""The group commit: nothing is seen before it is stored, and what gathers during a flush is the next one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest
from log.books import Books, record
from oricode_service.log import commit as commit_module
from oricode_service.log.commit import BACKLOG_BYTES, GroupCommit
from oricode_service.log.run_log import RunLog
from oricode_service.store.port import Fenced
from oricode_service.store.rows import FinishEffect, Record


@pytest.fixture
def books() -> Books:
    return Books()


@pytest.fixture
def failures() -> list[Exception]:
    return []


@pytest.fixture
async def commit(
    books: Books, failures: list[Exception], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[GroupCommit]:  # fmt: skip
    monkeypatch.setattr(commit_module, "RETRY_SECONDS", (0.0,))
    made = GroupCommit(books, failures.append)
    yield made
    await made.stop()


@pytest.fixture
def log() -> RunLog:
    return RunLog(1, "run_1")


async def soon(future: asyncio.Future[None] | asyncio.Task[None]) -> None:
    async with asyncio.timeout(5):
        await future


async def test_nothing_is_visible_before_the_store_has_it(books: Books, commit: GroupCommit, log: RunLog) -> None:
    books.hold()
    commit.append(log, record(1))
    async with asyncio.timeout(5):
        await books.asked.wait()
    assert (log.visible, books.records) == (0, [])
    books.let_go()
    await soon(asyncio.ensure_future(commit.flushed()))
    assert log.visible == 1
    assert log.recent(0) == books.records


async def test_an_idle_process_flushes_at_once(books: Books, commit: GroupCommit, log: RunLog) -> None:
    changed = asyncio.Event()
    log.on_change(changed.set)
    commit.append(log, record(1))
    async with asyncio.timeout(5):
        await changed.wait()
    assert len(books.writes) == 1


async def test_what_gathers_during_a_flush_is_one_next_flush_of_all_runs(
    books: Books, commit: GroupCommit, log: RunLog
) -> None:
    other = RunLog(2, "run_2")
    books.hold()
    commit.append(log, record(1))
    async with asyncio.timeout(5):
        await books.asked.wait()
    for seq in range(2, 50):
        commit.append(log, record(seq))
        commit.append(other, record(seq - 1, run_no=2))
    books.let_go()
    await soon(asyncio.ensure_future(commit.flushed()))
    assert [len(write) for write in books.writes] == [1, 96]
    assert (log.visible, other.visible) == (49, 48)
    assert [r.seq for r in other.recent(0) or []] == list(range(1, 49))


async def test_a_commit_returns_when_its_operations_and_events_are_stored(
    books: Books, commit: GroupCommit, log: RunLog
) -> None:
    op = FinishEffect("k", b"{}", 1)
    books.hold()
    waiting = asyncio.create_task(commit.commit(log, [record(1)], [op]))
    async with asyncio.timeout(5):
        await books.asked.wait()
    assert not waiting.done()
    books.let_go()
    await soon(waiting)
    assert (books.ops, log.visible) == ([op], 1)


async def test_what_a_commit_counts_is_counted_when_it_is_stored_and_before_it_can_be_seen(
    books: Books, commit: GroupCommit, log: RunLog
) -> None:
    counted: list[tuple[int, int]] = []
    await soon(
        asyncio.create_task(
            commit.commit(log, [record(1)], [], lambda: counted.append((len(books.records), log.visible)))
        )
    )
    assert (counted, log.visible) == ([(1, 0)], 1)


async def test_a_commit_keeps_its_place_behind_earlier_deltas(books: Books, commit: GroupCommit, log: RunLog) -> None:
    commit.append(log, record(1))
    commit.append(log, record(2))
    await soon(asyncio.create_task(commit.commit(log, [record(3, "message_stop")], [])))
    assert [r.seq for r in books.records] == [1, 2, 3]


async def test_a_cancelled_waiter_takes_nothing_back(books: Books, commit: GroupCommit, log: RunLog) -> None:
    books.hold()
    waiting = asyncio.create_task(commit.commit(log, [record(1)], []))
    async with asyncio.timeout(5):
        await books.asked.wait()
    waiting.cancel()
    await asyncio.wait([waiting])
    books.let_go()
    await soon(asyncio.ensure_future(commit.flushed()))
    assert log.visible == 1


async def test_while_the_store_is_away_nothing_is_shown_and_afterwards_nothing_is_lost(
    books: Books, commit: GroupCommit, log: RunLog
) -> None:
    books.refusals = 20
    for seq in range(1, 6):
        commit.append(log, record(seq))
        await asyncio.sleep(0)
    assert log.visible == 0
    await soon(asyncio.ensure_future(commit.flushed()))
    assert [r.seq for r in books.records] == [1, 2, 3, 4, 5]
    assert [r.seq for r in log.recent(0) or []] == [1, 2, 3, 4, 5]
    assert commit.unavailable_since is None


async def test_it_says_since_when_the_store_is_away(books: Books, commit: GroupCommit, log: RunLog) -> None:
    books.refusals = 1_000_000
    commit.append(log, record(1))
    async with asyncio.timeout(5):
        while commit.unavailable_since is None:
            await asyncio.sleep(0)
    books.refusals = 0
    await soon(asyncio.ensure_future(commit.flushed()))
    assert commit.unavailable_since is None


@pytest.mark.parametrize("failure", [Fenced("taken over"), LookupError("a bug")])
async def test_a_process_that_is_fenced_or_fails_shows_nothing_and_says_so_once(
    books: Books, commit: GroupCommit, log: RunLog, failures: list[Exception], failure: Exception
) -> None:
    books.failure = failure
    commit.append(log, record(1))
    async with asyncio.timeout(5):
        while not failures:
            await asyncio.sleep(0)
    commit.append(log, record(2))
    for _ in range(5):
        await asyncio.sleep(0)
    assert (failures, log.visible, books.records) == ([failure], 0, [])


async def test_a_writer_far_ahead_waits_until_the_backlog_is_stored(
    books: Books, commit: GroupCommit, log: RunLog
) -> None:
    books.hold()
    commit.append(log, record(1, text="x" * (BACKLOG_BYTES + 1)))
    assert commit.crowded
    waiting = asyncio.create_task(commit.room())
    async with asyncio.timeout(5):
        await books.asked.wait()
    assert not waiting.done()
    books.let_go()
    await soon(waiting)
    assert not commit.crowded


async def test_closing_stores_what_is_left(books: Books, commit: GroupCommit, log: RunLog) -> None:
    commit.append(log, record(1))
    await soon(asyncio.ensure_future(commit.close()))
    assert [r.seq for r in books.records] == [1]


async def test_deltas_of_other_runs_do_not_wait_for_the_fsync_of_a_step(commit: GroupCommit, log: RunLog) -> None:
    books, other = Steps(), RunLog(2, "run_2")
    commit._store = books
    books.hold()
    step = asyncio.create_task(commit.commit(log, [record(1, "message_stop")], [FinishEffect("k", b"{}", 1)]))
    async with asyncio.timeout(5):
        await books.asked.wait()
    commit.append(log, record(2))
    commit.append(other, record(1, run_no=2))
    changed = asyncio.Event()
    other.on_change(changed.set)
    async with asyncio.timeout(5):
        await changed.wait()
    assert (other.visible, log.visible, step.done()) == (1, 0, False)
    books.let_go()
    await soon(step)
    await soon(asyncio.ensure_future(commit.flushed()))
    assert [r.seq for r in log.recent(0) or []] == [1, 2], "its own come behind it"


class Steps(Books):
    """Holds back commits only."""

    async def append(self, records: Sequence[Record]) -> None:
        self.records += records


async def test_a_step_takes_along_what_its_run_has_waiting_and_nothing_of_others(
    commit: GroupCommit, log: RunLog
) -> None:
    books, other = Steps(), RunLog(2, "run_2")
    commit._store = books
    commit._pace = 3600.0
    commit.append(log, record(1))
    await soon(asyncio.ensure_future(commit.flushed()))
    commit.append(log, record(2))
    commit.append(other, record(1, run_no=2))
    await soon(asyncio.create_task(commit.commit(log, [record(3, "message_stop")], [FinishEffect("k", b"{}", 1)])))
    assert [(r.run_no, r.seq) for write in books.writes for r in write] == [(1, 2), (1, 3)]
    assert (log.visible, other.visible) == (3, 0)
