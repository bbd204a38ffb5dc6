"""Joined deltas: the same text and the same cursors with fewer events."""

from __future__ import annotations

import asyncio
import itertools

from hypothesis import given
from hypothesis import strategies as st
from log.books import Books, record
from oricode_protocol import codec
from oricode_service.log.coalesce import join, window_of
from oricode_service.log.pulse import Pulse
from oricode_service.log.reader import Reader, Word
from oricode_service.log.run_log import RunLog
from oricode_service.store.rows import Record

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
