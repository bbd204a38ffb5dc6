"""Joined deltas: the same text and the same cursors with fewer events."""

from __future__ import annotations

import asyncio
import itertools
import weakref
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st
from log.books import Books, record
from oricode_protocol import codec
from oricode_service.log.coalesce import join, window_of
from oricode_service.log.pulse import Pulse
from oricode_service.log.reader import Reader, Word
from oricode_service.log.run_log import DELTAS, RunLog
from oricode_service.store.rows import Record
from oricode_service.store.sqlite.unfiled import rows

KINDS = st.sampled_from(["content", "content", "content", "thinking", "message_stop", "progress"])
PAGES = st.lists(st.tuples(KINDS, st.text(max_size=4), st.integers(0, 1), st.integers(1, 2)), max_size=30).map(
    lambda events: [
        record(seq, kind, text, epoch=epoch, index=index)
        for seq, (kind, text, index, epoch) in enumerate(sorted(events, key=lambda e: e[3]), 1)
    ]
)


def texts(page: list[Record]) -> list[tuple[str, int, str]]:
    """What a viewer shows: (kind, block, text) with neighbours joined."""
    shown: list[tuple[str, int, str]] = []
    for r in page:
        data = codec.loads(r.data)
        if shown and shown[-1][:2] == (r.event, data["index"]) and r.event in ("content", "thinking"):
            shown[-1] = (*shown[-1][:2], shown[-1][2] + data["text"])
        else:
            shown.append((r.event, data["index"], data["text"]))
    return shown


@given(PAGES)
def test_a_viewer_shows_the_same(page: list[Record]) -> None:
    assert texts(join(page)) == texts(page)


@given(PAGES)
def test_a_joined_delta_has_the_id_of_its_last_member(page: list[Record]) -> None:
    joined = join(page)
    assert {(r.seq, r.epoch, r.event) for r in joined} <= {(r.seq, r.epoch, r.event) for r in page}
    assert [r.seq for r in joined] == sorted(r.seq for r in joined)
    assert not page or joined[-1].seq == page[-1].seq, "nothing is held back behind the page"


@given(PAGES)
def test_neighbours_of_one_block_are_joined_and_nothing_else(page: list[Record]) -> None:
    joined = join(page)
    for one, other in itertools.pairwise(joined):
        if one.event == other.event and one.event in ("content", "thinking"):
            same_block = codec.loads(one.data)["index"] == codec.loads(other.data)["index"]
            assert not (same_block and one.epoch == other.epoch)


def tool_input(seq: int, call: str, part: str, name: str | None = None) -> Record:
    data = {"tool_call_id": call, "partial_json": part, "index": 0} | ({"name": name} if name else {})
    return Record(1, seq, 1, "tool_input", codec.dumps(data))


def test_the_first_piece_of_a_tool_input_keeps_the_name() -> None:
    (joined,) = join([tool_input(1, "c", "", "tool"), tool_input(2, "c", '{"a":'), tool_input(3, "c", "1}")])
    assert codec.loads(joined.data) == {"tool_call_id": "c", "partial_json": '{"a":1}', "index": 0, "name": "tool"}
    assert joined.seq == 3


def test_inputs_of_two_calls_are_not_joined() -> None:
    assert len(join([tool_input(1, "c", "x"), tool_input(2, "d", "y")])) == 2


@given(PAGES)
def test_what_the_store_filed_in_one_row_is_shown_like_what_it_was_made_of(page: list[Record]) -> None:
    """A row holds neighbours of one name, whatever blocks they belong to."""
    deltas = [r for r in page if r.event in DELTAS]
    numbered = [r._replace(seq=seq) for seq, r in enumerate(deltas, 1)]
    filed = join(rows(numbered))
    assert texts(filed) == texts(numbered)
    assert [(r.seq, r.data) for r in filed] == [(r.seq, r.data) for r in join(numbered)]


def test_inputs_of_two_calls_in_one_row_are_not_joined() -> None:
    (row,) = rows([tool_input(1, "c", "", "one"), tool_input(2, "c", "{}"), tool_input(3, "d", "", "other")])
    assert [codec.loads(r.data) for r in join([row])] == [
        {"tool_call_id": "c", "partial_json": "{}", "index": 0, "name": "one"},
        {"tool_call_id": "d", "partial_json": "", "index": 0, "name": "other"},
    ]


class Watched:
    """A reader that coalesces, with a window that never ends by itself."""

    def __init__(self) -> None:
        self.pulse = Pulse(3600)
        self.log = RunLog(1, "run_1")
        self.reader = Reader(self.log, Books(), self.pulse, 0)
        self.reader.window = window_of(self.log, 3600)

    async def page(self) -> list[int] | Word:
        async with asyncio.timeout(5):
            page = await self.reader.next()
        return [r.seq for r in page] if isinstance(page, list) else page


async def test_the_first_delta_goes_at_once_and_the_next_are_held() -> None:
    watched = Watched()
    watched.log.publish([record(1)])
    assert await watched.page() == [1]
    watched.log.publish([record(2)])
    waiting = asyncio.create_task(watched.page())
    for _ in range(10):
        await asyncio.sleep(0)
    assert not waiting.done()
    watched.log.publish([record(3), record(4, "message_stop")])
    assert await waiting == [3, 4], "any other event flushes, and the deltas before it come joined"
    watched.pulse.close()


async def test_a_wish_to_close_does_not_wait_for_the_window() -> None:
    for ask, word in (("ask_to_close", Word.CLOSE), ("close", Word.END)):
        watched = Watched()
        watched.log.publish([record(1)])
        await watched.page()
        watched.log.publish([record(2)])
        waiting = asyncio.create_task(watched.page())
        await asyncio.sleep(0)
        getattr(watched.reader, ask)(*(["restart"] if ask == "ask_to_close" else []))
        assert await waiting is word
        watched.pulse.close()


async def test_after_a_solid_event_the_next_delta_goes_at_once() -> None:
    watched = Watched()
    watched.log.publish([record(1), record(2, "message_stop")])
    assert await watched.page() == [1, 2]
    watched.log.publish([record(3)])
    assert await watched.page() == [3]
    watched.pulse.close()


class Crowd:
    """Readers of one log who are handed what there is to say, as transports do it; nobody calls :meth:`Reader.next`
    twice unless it returns."""

    def __init__(self, count: int, window: float | None = 3600) -> None:
        self.pulse = Pulse(3600)
        self.log = RunLog(1, "run_1")
        self.given: list[list[list[Record]]] = [[] for _ in range(count)]
        self.readers = [Reader(self.log, Books(), self.pulse, 0) for _ in range(count)]
        for reader, pages in zip(self.readers, self.given, strict=True):
            reader.window = window_of(self.log, window) if window is not None else None
            reader.eager = partial(self._take, pages)
        self.tasks = [asyncio.create_task(reader.next()) for reader in self.readers]

    def _take(self, pages: list[list[Record]], news: list[Record] | Word) -> bool:
        pages.append(news if isinstance(news, list) else [])
        return True

    def seqs(self, number: int = 0) -> list[list[int]]:
        return [[r.seq for r in page] for page in self.given[number]]

    async def leave(self) -> None:
        for reader in self.readers:
            reader.close()
        await asyncio.wait(self.tasks, timeout=5)
        self.pulse.close()


async def test_viewers_share_the_window_what_was_joined_and_no_task_is_woken_for_it() -> None:
    crowd = Crowd(3)
    await asyncio.sleep(0)
    crowd.log.publish([record(1)])
    crowd.log.publish([record(2)])
    crowd.log.publish([record(3), record(4, "message_stop")])
    crowd.log.publish([record(5)])
    assert [crowd.seqs(number) for number in range(3)] == [[[1], [3, 4], [5]]] * 3
    assert all(one is other for one, other in zip(crowd.given[0], crowd.given[2], strict=True))
    assert codec.loads(crowd.given[0][1][0].data)["text"] == "xx"
    assert not any(task.done() for task in crowd.tasks)
    await crowd.leave()


async def test_the_control_viewers_without_a_window_get_each_event() -> None:
    crowd = Crowd(2, window=None)
    await asyncio.sleep(0)
    for seq in range(1, 4):
        crowd.log.publish([record(seq)])
    assert crowd.seqs() == crowd.seqs(1) == [[1], [2], [3]]
    await crowd.leave()


@pytest.mark.parametrize("solid", [False, True])
async def test_a_window_ends_by_itself_and_what_was_held_goes_to_all(solid: bool) -> None:
    crowd = Crowd(2, window=0.01)
    await asyncio.sleep(0)
    crowd.log.publish([record(1)])
    crowd.log.publish([record(2)])
    crowd.log.publish([record(3)])
    assert crowd.seqs() == [[1]]
    if solid:
        crowd.log.publish([record(4, "message_stop")])
    async with asyncio.timeout(5):
        while len(crowd.given[0]) < 2:
            await asyncio.sleep(0.001)
    assert crowd.seqs() == crowd.seqs(1) == [[1], [3, 4] if solid else [3]]
    await crowd.leave()


async def test_a_viewer_that_comes_in_the_middle_of_a_window_gets_all_at_once_and_waits_with_the_others() -> None:
    crowd = Crowd(1)
    await asyncio.sleep(0)
    crowd.log.publish([record(1)])
    crowd.log.publish([record(2)])
    late = Reader(crowd.log, Books(), crowd.pulse, 0)
    late.window = window_of(crowd.log, 3600)
    first = await late.next()
    assert isinstance(first, list)
    assert [(r.seq, codec.loads(r.data)["text"]) for r in first] == [(2, "xx")]
    waiting = asyncio.create_task(late.next())
    await asyncio.sleep(0)
    crowd.log.publish([record(3), record(4, "message_stop")])
    assert [r.seq for r in await waiting] == [3, 4]
    assert crowd.seqs() == [[1], [3, 4]]
    await crowd.leave()


async def test_a_heartbeat_does_not_wait_for_the_window_and_takes_nothing_with_it() -> None:
    crowd = Crowd(1)
    await asyncio.sleep(0)
    crowd.log.publish([record(1)])
    crowd.log.publish([record(2)])
    crowd.readers[0].beat()
    assert crowd.seqs() == [[1], []]
    assert crowd.readers[0].cursor == 1
    await crowd.leave()


async def test_a_reader_far_behind_in_a_live_log_is_not_held_at_each_page() -> None:
    log, books, pulse = RunLog(1, "run_1"), Books(), Pulse(3600)
    for seq in range(1, 301):
        books.records.append(record(seq, text="x" * 1000))
        log.publish(books.records[-1:])
    reader = Reader(log, books, pulse, 0)
    reader.window = window_of(log, 3600)
    pages = 0
    async with asyncio.timeout(5):
        while reader.cursor < 300:
            assert isinstance(await reader.next(), list)
            pages += 1
    assert pages > 5
    pulse.close()


async def test_a_window_that_nobody_reads_by_is_forgotten_with_its_log() -> None:
    crowd = Crowd(2)
    await asyncio.sleep(0)
    crowd.log.publish([record(1), record(2, "message_stop")])
    log = weakref.ref(crowd.log)
    await crowd.leave()
    del crowd
    assert log() is None, "without a collection: logs are found by weak references"
