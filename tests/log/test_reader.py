"""A reader: pages behind a cursor from memory or store alike, and the words for when there is nothing."""

from __future__ import annotations

import asyncio
import tracemalloc
from collections.abc import AsyncIterator

import pytest
from log.books import Books, apart, record, together
from oricode_protocol import frames, sse
from oricode_protocol.ids import new_id
from oricode_service.log.pulse import Pulse
from oricode_service.log.reader import LogTrimmed, Reader, Word
from oricode_service.log.run_log import PAGE_BYTES, TAIL_BYTES, RunLog
from oricode_service.store.rows import Record


@pytest.fixture
async def pulse() -> AsyncIterator[Pulse]:
    made = Pulse(3600)
    yield made
    made.close()


def stored(books: Books, log: RunLog, records: list[Record]) -> None:
    """In the store, then visible."""
    books.records += records
    log.publish(records)


async def read_to_the_end(reader: Reader) -> tuple[list[Record], list[int]]:
    """Everything, and the sizes of its pages in bytes."""
    found: list[Record] = []
    sizes: list[int] = []
    async with asyncio.timeout(5):
        while isinstance(page := await reader.next(), list):
            found += page
            sizes.append(sum(len(r.data) for r in page))
    assert page is Word.END
    return found, sizes


async def test_a_page_is_bounded_and_nothing_is_left_out_or_twice(pulse: Pulse) -> None:
    """Far behind, so most of it comes from the store, and the last part from memory."""
    books, log = Books(), RunLog(1, "run_1")
    for seq in range(1, 301):
        stored(books, log, [record(seq, "done" if seq == 300 else "content", "x" * 1000)])
    found, sizes = await read_to_the_end(Reader(log, books, pulse, 0))
    assert found == books.records
    assert max(sizes) <= PAGE_BYTES + 1100
    assert len(sizes) >= 300 * 1000 // PAGE_BYTES


@pytest.mark.parametrize("after", [0, 1, 150, 299, 300])
async def test_every_cursor_gets_exactly_the_rest(pulse: Pulse, after: int) -> None:
    books, log = Books(), RunLog(1, "run_1")
    stored(books, log, [record(seq, "done" if seq == 300 else "content") for seq in range(1, 301)])
    found, _ = await read_to_the_end(Reader(log, books, pulse, after))
    assert [r.seq for r in found] == list(range(after + 1, 301))


@pytest.mark.parametrize("after", [0, 1, 7, 149, 150, 151, 199, 1049, 1050, 1052, 1053])
async def test_a_cursor_inside_of_a_record_gets_the_rest_of_it(pulse: Pulse, after: int) -> None:
    """Events that were written together are none the less as many places to resume from; here they need the store."""
    log, parts = RunLog(1, "run_1"), [record(1), together(2, 149, 900), together(151, 2), together(153, 900, 300)]
    books = Books()
    stored(books, log, [*parts, record(1053, "done")])
    found, _ = await read_to_the_end(Reader(log, books, pulse, after))
    assert apart(found) == apart(books.records)[after:]


@pytest.mark.parametrize("count", [1, 7, 64, 500])
async def test_a_page_is_bounded_on_the_wire_however_small_its_events_are(pulse: Pulse, count: int) -> None:
    """Frames are most of what tiny events cost a connection; from the store and from memory, together or apart."""
    books, log = Books(), RunLog(1, "run_1")
    for first in range(1, 12_001, count):
        stored(books, log, [together(first, count)])
    stored(books, log, [record(log.visible + 1, "done")])
    reader, found = Reader(log, books, pulse, 0), 0
    run = new_id("run").encode()
    while isinstance(page := await reader.next(), list):
        over_sse = b"".join(sse.blocks(r.event.encode(), r.data, run, r.epoch, r.first) for r in page)
        over_ws = [f for r in page for f in frames.frames(r.event.encode(), r.data, run, r.epoch, r.first)]
        assert len(over_sse) <= PAGE_BYTES
        assert sum(map(len, over_ws)) <= PAGE_BYTES
        assert len(over_ws) == page[-1].seq - found
        assert len(over_sse) > PAGE_BYTES / 2 or page[-1].seq > log.visible - 1000, "nor is it needlessly small"
        found = page[-1].seq
    assert found == log.visible
    assert books.reads >= 3


async def test_an_event_of_many_pages_is_one_page(pulse: Pulse) -> None:
    books, log = Books(), RunLog(1, "run_1")
    stored(books, log, [record(1, text="x" * (5 * PAGE_BYTES)), record(2, "done")])
    found, _ = await read_to_the_end(Reader(log, books, pulse, 0))
    assert [r.seq for r in found] == [1, 2]


async def test_a_reader_that_keeps_up_never_asks_the_store(pulse: Pulse) -> None:
    books, log = Books(), RunLog(1, "run_1")
    reader = Reader(log, books, pulse, 0)
    for seq in range(1, 500):
        stored(books, log, [record(seq, text="x" * 500)])
        page = await reader.next()
        assert isinstance(page, list)
        assert [r.seq for r in page] == [seq]
    assert books.reads == 0


@pytest.mark.parametrize("size", [1, 500])
async def test_memory_is_bounded_however_long_the_run_and_small_its_events(size: int) -> None:
    log = RunLog(1, "run_1")
    most = 0
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for seq in range(1, 4000):
            log.publish([record(seq, text="x" * size)])
            if seq % 50 == 0:
                most = max(most, tracemalloc.get_traced_memory()[0] - before)
    finally:
        tracemalloc.stop()
    assert TAIL_BYTES < most < 2.5 * TAIL_BYTES


async def test_replaying_a_long_log_lets_others_run_between_pages(pulse: Pulse) -> None:
    books, log = Books(), RunLog(1, "run_1")
    stored(books, log, [record(seq, "done" if seq == 2000 else "content", "x" * 500) for seq in range(1, 2001)])
    turns = 0

    async def another() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(another())
    _, sizes = await read_to_the_end(Reader(log, books, pulse, 0))
    task.cancel()
    assert turns >= len(sizes) - 1


async def test_what_the_store_has_already_is_not_shown_before_it_is_visible(pulse: Pulse) -> None:
    """A commit is in the store a moment before its run's log shows it; who is far behind reads the store meanwhile."""
    books, log = Books(), RunLog(1, "run_1", visible=3)
    books.records = [together(1, 5), record(6, "done")]
    reader = Reader(log, books, pulse, 0)
    async with asyncio.timeout(5):
        assert apart(await reader.next()) == apart(books.records)[:3]  # type: ignore[arg-type]
    log.publish([together(4, 2), record(6, "done")])
    found, _ = await read_to_the_end(reader)
    assert apart(found) == apart(books.records)[3:]


async def test_a_waiting_reader_wakes_for_news(pulse: Pulse) -> None:
    books, log = Books(), RunLog(1, "run_1")
    waiting = asyncio.create_task(Reader(log, books, pulse, 0).next())
    await asyncio.sleep(0)
    assert not waiting.done()
    stored(books, log, [record(1)])
    async with asyncio.timeout(5):
        assert await waiting == books.records


@pytest.mark.parametrize("moment", ["before", "while waiting"])
@pytest.mark.parametrize(("ask", "word"), [("close", Word.END), ("ask_to_close", Word.CLOSE), ("beat", Word.BEAT)])
async def test_a_quiet_reader_answers_a_word_at_once(pulse: Pulse, ask: str, word: Word, moment: str) -> None:
    """Closing too: a viewer that left must not be waited for until the next event."""
    reader = Reader(RunLog(1, "run_1"), Books(), pulse, 0)

    def tell() -> None:
        getattr(reader, ask)(*(["max_age"] if ask == "ask_to_close" else []))

    if moment == "before":
        tell()
    waiting = asyncio.create_task(reader.next())
    if moment != "before":
        await asyncio.sleep(0)
        tell()
    async with asyncio.timeout(5):
        assert await waiting is word


async def test_events_come_before_a_heartbeat(pulse: Pulse) -> None:
    books, log = Books(), RunLog(1, "run_1")
    reader = Reader(log, books, pulse, 0)
    reader.beat()
    stored(books, log, [record(1)])
    assert isinstance(await reader.next(), list)


async def test_events_that_retention_took_while_they_were_read_are_said_to_be_gone(pulse: Pulse) -> None:
    with pytest.raises(LogTrimmed):
        await Reader(RunLog(1, "run_1", visible=5, ended=True), Books(), pulse, 0).next()


async def test_a_cancelled_wait_leaves_nothing_behind(pulse: Pulse) -> None:
    log = RunLog(1, "run_1")
    waiting = asyncio.create_task(Reader(log, Books(), pulse, 0).next())
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    assert not log._waiters


class Eager:
    """Takes what it is given until told otherwise."""

    def __init__(self, reader: Reader) -> None:
        self.taken: list[list[Record] | Word] = []
        self.willing = True
        self.trouble: Exception | None = None
        reader.eager = self

    def __call__(self, news: list[Record] | Word) -> bool:
        if self.trouble is not None:
            raise self.trouble
        if self.willing:
            self.taken.append(news)
        return self.willing


async def waiting(reader: Reader) -> asyncio.Task[list[Record] | Word]:
    task = asyncio.create_task(reader.next())
    await asyncio.sleep(0)
    assert not task.done()
    return task


async def test_an_eager_reader_is_given_news_at_once_and_its_task_only_what_it_would_not_take(pulse: Pulse) -> None:
    books, log = Books(), RunLog(1, "run_1")
    reader = Reader(log, books, pulse, 0)
    eager = Eager(reader)
    task = await waiting(reader)
    stored(books, log, [record(1)])
    stored(books, log, [record(2), record(3)])
    reader.beat()
    assert eager.taken == [[record(1)], [record(2), record(3)], Word.BEAT], "before anything else ran"
    eager.willing = False
    stored(books, log, [record(4)])
    stored(books, log, [record(5)])
    async with asyncio.timeout(5):
        assert await task == [record(4), record(5)]
    assert reader.cursor == 5


async def test_an_eager_reader_learns_of_the_end_by_its_task(pulse: Pulse) -> None:
    books, log = Books(), RunLog(1, "run_1")
    reader = Reader(log, books, pulse, 0)
    eager = Eager(reader)
    task = await waiting(reader)
    stored(books, log, [record(1), record(2, "done")])
    async with asyncio.timeout(5):
        assert await task is Word.END
    assert eager.taken == [[record(1), record(2, "done")]]


async def test_the_trouble_of_an_eager_reader_is_its_own(pulse: Pulse) -> None:
    """Neither the writer of the log nor another viewer hears of it."""
    books, log = Books(), RunLog(1, "run_1")
    bad, good = Reader(log, books, pulse, 0), Reader(log, books, pulse, 0)
    Eager(bad).trouble = ConnectionError("gone")
    eager = Eager(good)
    failing, task = await waiting(bad), await waiting(good)
    stored(books, log, [record(1)])
    assert eager.taken == [[record(1)]]
    async with asyncio.timeout(5):
        with pytest.raises(ConnectionError, match="gone"):
            await failing
    task.cancel()


async def test_an_eager_reader_whose_connection_ends_by_what_it_was_given_troubles_nobody(pulse: Pulse) -> None:
    books, log = Books(), RunLog(1, "run_1")
    bad, good = Reader(log, books, pulse, 0), Reader(log, books, pulse, 0)

    def cut(_: list[Record] | Word) -> bool:
        bad.close()
        raise ConnectionError("gone")

    bad.eager = cut
    eager = Eager(good)
    ended, task = await waiting(bad), await waiting(good)
    stored(books, log, [record(1)])
    assert eager.taken == [[record(1)]]
    async with asyncio.timeout(5):
        assert await ended is Word.END
    task.cancel()
