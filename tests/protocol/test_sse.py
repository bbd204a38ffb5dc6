"""Server-sent events: the decoder against the WHATWG rules at every split point, and what framing writes."""

from __future__ import annotations

import time
from base64 import b64decode
from itertools import combinations, pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oricode_protocol import codec
from oricode_protocol.sse import LONGEST_RETRY_MS, Decoder, ServerSentEvent, block, blocks
from protocol.recorded import read, recorded

PARSES = recorded("sse")
TWO_CUTS_UP_TO = 48
"""Bytes up to which a stream is also cut at every pair of places."""


def decoded(*chunks: bytes) -> tuple[list[ServerSentEvent], str, int | None]:
    decoder = Decoder()
    events = [event for chunk in chunks for event in decoder.feed(chunk)]
    return events, decoder.last_event_id, decoder.retry_ms


def expected(golden: dict[str, Any]) -> tuple[list[ServerSentEvent], str, int | None]:
    return [ServerSentEvent(**event) for event in golden["events"]], golden["last_event_id"], golden["retry_ms"]


@pytest.mark.parametrize("name", PARSES)
def test_a_stream_means_the_same_however_it_is_cut(name: str) -> None:
    """Pinned by the WHATWG standard, section 9.2; the golden files are written by hand from it."""
    golden = PARSES[name]
    stream, wanted = b64decode(golden["input_base64"]), expected(golden)
    assert decoded(stream) == wanted
    assert decoded(*(stream[i : i + 1] for i in range(len(stream)))) == wanted, "byte by byte"
    for cut in range(len(stream) + 1):
        assert decoded(stream[:cut], stream[cut:]) == wanted, f"cut at {cut}"
    if len(stream) <= TWO_CUTS_UP_TO:
        for one, two in combinations(range(len(stream) + 1), 2):
            assert decoded(stream[:one], stream[one:two], stream[two:]) == wanted, f"cut at {one} and {two}"


@given(st.data())
def test_every_recorded_run_survives_any_cuts(data: st.DataObject) -> None:
    golden = data.draw(st.sampled_from(list(recorded("runs").values())))
    stream = golden["sse"].encode()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    edges = [0, *cuts, len(stream)]
    events, last, retry = decoded(*(stream[a:b] for a, b in pairwise(edges)))
    assert [(e.id, e.event, codec.loads(e.data)) for e in events] == [
        (e["id"], e["event"], e["data"]) for e in golden["events"]
    ]
    assert (last, retry) == (golden["events"][-1]["id"], 1000)


def test_a_block_has_retry_id_event_data_in_this_order() -> None:
    """Existing clients read line by line and act on ``data:``; everything else must stand before it."""
    made = block(b"content", b'{"text":"x"}', b"run_1.1.1", retry_ms=1000)
    assert made == b'retry: 1000\nid: run_1.1.1\nevent: content\ndata: {"text":"x"}\n\n'


@given(st.lists(st.text(), min_size=1, max_size=5), st.integers(1, 10**9))
def test_blocks_at_once_are_the_same_as_one_by_one(texts: list[str], first: int) -> None:
    lines = [codec.dumps({"text": text}) for text in texts]
    one_by_one = [block(b"content", line, b"run_1.3.%d" % (first + i)) for i, line in enumerate(lines)]
    assert blocks(b"content", b"\n".join(lines), b"run_1", 3, first) == b"".join(one_by_one)


def test_a_block_without_id_has_no_id_line() -> None:
    """An empty ``id:`` would reset the cursor of every standard client."""
    assert block(b"heartbeat", b"{}") == b"event: heartbeat\ndata: {}\n\n"


@pytest.mark.parametrize("text", [t["text"] for t in read("texts.json")], ids=[t["name"] for t in read("texts.json")])
def test_odd_text_stays_on_one_data_line_for_every_line_reader(text: str) -> None:
    made = block(b"content", codec.encode_texts([text], 0), b"r.1.1")
    lines = made.decode().splitlines()  # Python's own idea of line ends is the widest there is
    assert [line.partition(":")[0] for line in lines] == ["id", "event", "data", ""]


def test_a_line_of_a_mebibyte_in_small_pieces_costs_no_quadratic_time() -> None:
    """Less than a second of CPU; a decoder that looks again at what it has seen takes a minute."""
    decoder, pieces = Decoder(), 256 * 1024
    decoder.feed(b"data: ")
    before = time.process_time()
    for _ in range(pieces):
        assert decoder.feed(b"xxxx") == []
        assert time.process_time() - before < 15
    (event,) = decoder.feed(b"\n\n")
    assert event.data == "xxxx" * pieces


@pytest.mark.parametrize(("digits", "ms"), [("9" * 100_000, LONGEST_RETRY_MS), ("0" * 100_000 + "7", 7)])
def test_a_reconnection_time_of_any_length_is_a_number(digits: str, ms: int) -> None:
    assert decoded(b"retry: " + digits.encode() + b"\n") == ([], "", ms)
