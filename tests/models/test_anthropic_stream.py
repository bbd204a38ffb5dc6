"""The decoder of Anthropic's stream, fed with bytes: no sockets, no event loop."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oricode_service.models.anthropic_stream import MAX_EVENT_BYTES, MessageStream
from oricode_service.models.port import (
    Delta,
    Pieces,
    Redacted,
    Signature,
    Stop,
    Text,
    Thinking,
    ToolInput,
    ToolUse,
    Usage,
)
from upstream import Event, error_event, message, redacted, text, thinking, tool_use

from .conftest import one_by_one

EVERYTHING = message(
    thinking("Grübeln… 🤔", "c2ln", pieces=3),
    redacted("b3BhcXVl"),
    text("Zeile 1\nevent: done\ndata: {}\n\n“😀”\u2028\0 é", pieces=5),
    tool_use("toolu_1", "mcp_check_syntax", {"program": "ZÄÖ", "n": [1, 2]}, pieces=4),
    usage={"cache_creation_input_tokens": 300, "cache_read_input_tokens": 2000},
)
RECORDED = b"".join(step.encode() for step in EVERYTHING if isinstance(step, Event))


def decode(*chunks: bytes) -> list[Delta]:
    stream = MessageStream()
    deltas = one_by_one(delta for chunk in chunks for delta in stream.feed(chunk))
    assert stream.failure is None
    assert stream.stopped
    return deltas


def until_failure(data: bytes) -> tuple[list[Delta], MessageStream]:
    stream = MessageStream()
    return one_by_one(stream.feed(data)), stream


def test_every_kind_of_delta_comes_out_in_order():
    deltas = decode(RECORDED)
    kinds = [type(delta) for delta in deltas if not isinstance(delta, Text | Thinking | ToolInput)]
    assert kinds == [Usage, Signature, Redacted, ToolUse, Usage, Stop]
    assert deltas[0] == Usage(12, 1, 300, 2000)
    assert "".join(d.text for d in deltas if isinstance(d, Thinking)) == "Grübeln… 🤔"
    assert Signature(0, "c2ln") in deltas
    assert Redacted(1, "b3BhcXVl") in deltas
    assert "".join(d.text for d in deltas if isinstance(d, Text)) == "Zeile 1\nevent: done\ndata: {}\n\n“😀”\u2028\0 é"
    assert {d.index for d in deltas if isinstance(d, Text)} == {2}
    assert ToolUse(3, "toolu_1", "mcp_check_syntax") in deltas
    json_text = "".join(d.partial_json for d in deltas if isinstance(d, ToolInput))
    assert json_text == '{"program": "Z\\u00c4\\u00d6", "n": [1, 2]}'
    assert deltas[-2:] == [Usage(output_tokens=7), Stop("tool_use", "claude-scripted")]


def test_every_split_point_gives_the_same_deltas():
    whole = decode(RECORDED)
    for cut in range(1, len(RECORDED)):
        assert decode(RECORDED[:cut], RECORDED[cut:]) == whole, f"cut at byte {cut}"


def test_single_bytes_give_the_same_deltas():
    assert decode(*(RECORDED[i : i + 1] for i in range(len(RECORDED)))) == decode(RECORDED)


@pytest.mark.parametrize("ending", [b"\r\n", b"\r"])
def test_other_line_ends_give_the_same_deltas_at_every_split_point(ending: bytes):
    """RECORDED holds no raw CR: JSON escapes them."""
    data = RECORDED.replace(b"\n", ending)
    whole = decode(RECORDED)
    for cut in range(1, len(data)):
        assert decode(data[:cut], data[cut:]) == whole, f"cut at byte {cut}"


def test_raw_utf8_is_taken_whole_wherever_it_is_cut():
    line = (
        'event: content_block_delta\ndata: {"type":"content_block_delta","index":2,'
        '"delta":{"type":"text_delta","text":"ü😀"}}\n\n'
    ).encode()
    data = line + RECORDED
    for cut in range(1, len(line)):
        assert decode(data[:cut], data[cut:])[0] == Text(2, "ü😀")


def test_a_burst_comes_out_as_one_list():
    stream = MessageStream()
    burst = b"".join(s.encode() for s in message(text(["x"] * 500)) if isinstance(s, Event))
    deltas = stream.feed(burst)
    assert Pieces(Text, 0, ["x"] * 499) in deltas, "as one object, but for the last, which others follow"
    assert len(one_by_one(deltas)) == 503


DELTA = 'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":'
END = 'event: message_stop\ndata: {"type":"message_stop"}\n\n'


@given(st.lists(st.text(st.characters()), max_size=20), st.integers(0, 400))
def test_any_texts_come_out_of_a_burst_as_they_went_in(texts: list[str], cut: int):
    """Lone surrogates, quotes, braces, line ends, and whatever else could look like the frame around a text."""
    data = "".join(f"{DELTA}{json.dumps(text)}}}}}\n\n" for text in texts) + END
    deltas = decode(data.encode()[:cut], data.encode()[cut:])
    assert [d.text for d in deltas if isinstance(d, Text)] == [text for text in texts if text]


@pytest.mark.parametrize(
    "odd", ['"a","x":"b"', "null", "7", '["a"]', '"a', 'a"', '","', '"a\\"', "", '"\t"', '"a"}}\ndata: x{{"']
)
def test_a_garbled_text_in_a_burst_is_not_taken_for_another(odd: str):
    """Each alone and each with a neighbour that could complete it."""
    for other in ('"b"', odd, '","c"', 'b"', '"]'):
        data = "".join(f"{DELTA}{text}}}}}\n\n" for text in ('"ok"', odd, other, '"ok"', '"ok"')) + END
        whole, stream = until_failure(data.encode())
        bytewise, slow = [], MessageStream()
        for byte in data.encode():
            if not (slow.failure or slow.stopped):
                bytewise += one_by_one(slow.feed(bytes([byte])))
        assert (whole, stream.stopped) == (bytewise, slow.stopped)


def test_half_an_emoji_survives_as_half_an_emoji():
    steps = message(text(["\ud83d", "\ude00"]))
    deltas = decode(b"".join(step.encode() for step in steps if isinstance(step, Event)))
    assert [d.text for d in deltas if isinstance(d, Text)] == ["\ud83d", "\ude00"]


def test_blocks_in_any_legal_form_are_read():
    """The standard allows comments, a missing event line, several data lines and no space after the colon."""
    assert decode(
        b": hello\n\n\n"
        b'data:{"type":"content_block_delta","index":0,\ndata:"delta":{"type":"text_delta","text":"a"}}\n\n'
        b'id: 7\ndata: {"type":"message_stop"}\nretry: 5\n\n'
    ) == [Text(0, "a"), Stop("end_turn", None)]


def test_unknown_events_deltas_and_blocks_are_ignored():
    deltas = decode(
        b"event: brand_new\ndata: not even JSON\n\n"
        b'event: brand_new\ndata: {"type":"brand_new","x":1}\n\n'
        b"event: ping\ndata:\n\n"
        b'event: content_block_start\ndata: {"type":"content_block_start","index":0,"content_block":{"type":"new"}}\n\n'
        b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"new_delta"}}\n\n'
        b'event: content_block_stop\ndata: {"type":"content_block_stop","index":0}\n\n'
        b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
    )
    assert deltas == [Stop("end_turn", None)]


def test_empty_deltas_are_skipped():
    deltas = decode(b"".join(s.encode() for s in message(text(["", "a", ""])) if isinstance(s, Event)))
    assert [d for d in deltas if isinstance(d, Text)] == [Text(0, "a")]


def test_text_that_comes_with_its_block_is_not_lost():
    start = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": "already"}}
    stop = Event("message_stop", {"type": "message_stop"})
    assert decode(Event("content_block_start", start).encode() + stop.encode())[0] == Text(0, "already")


@pytest.mark.parametrize("with_deltas", [False, True])
def test_a_tool_input_that_comes_with_its_block_counts_unless_deltas_follow(with_deltas: bool):
    block = {"type": "tool_use", "id": "t", "name": "n", "input": {"whole": 1}}
    delta = {"type": "input_json_delta", "partial_json": '{"delta":2}'}
    events = [Event("s", {"type": "content_block_start", "index": 0, "content_block": block})]
    if with_deltas:
        events.append(Event("d", {"type": "content_block_delta", "index": 0, "delta": delta}))
    events.append(Event("e", {"type": "content_block_stop", "index": 0}))
    events.append(Event("m", {"type": "message_stop"}))
    expected = '{"delta":2}' if with_deltas else '{"whole":1}'
    assert decode(b"".join(event.encode() for event in events)) == [
        ToolUse(0, "t", "n"),
        ToolInput(0, expected),
        Stop("tool_use", None),
    ]


def test_a_stop_sequence_is_named_even_when_the_reason_says_end_turn():
    """llama.cpp's server does that."""
    change = {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": "END"}}
    data = Event("message_delta", change).encode() + Event("message_stop", {"type": "message_stop"}).encode()
    assert decode(data) == [Stop("stop_sequence", None)]


def test_what_follows_the_end_is_ignored():
    assert decode(RECORDED + RECORDED) == decode(RECORDED)


def test_an_error_event_ends_the_stream_behind_what_came_before():
    before = message(text("so far", pieces=2))[:5]
    data = b"".join(s.encode() for s in before if isinstance(s, Event))
    deltas, stream = until_failure(data + error_event("overloaded_error", "Overloaded").encode() + RECORDED)
    assert [d.text for d in deltas if isinstance(d, Text)] == ["so ", "far"]
    assert stream.failure is not None
    assert (stream.failure.code, stream.failure.retryable) == ("upstream_overloaded", True)
    assert not stream.stopped


@pytest.mark.parametrize(
    "data",
    [
        b"{bad",
        b"[1]",
        b'"text"',
        b"{}",
        b'{"type":"content_block_delta","index":0}',
        b'{"type":"content_block_delta","index":"0","delta":{"type":"text_delta","text":"a"}}',
        b'{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":7}}',
        b'{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"\xff"}}',
        b'{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"t"}}',
        b'{"type":"message_start","message":null}',
    ],
)
def test_a_garbled_event_is_a_broken_stream(data: bytes):
    good = Event("x", {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "a"}})
    deltas, stream = until_failure(good.encode() + b"event: content_block_delta\ndata: " + data + b"\n\n")
    assert deltas == [Text(0, "a")]
    assert stream.failure is not None
    assert (stream.failure.code, stream.failure.retryable) == ("upstream_dropped", True)


def test_an_event_without_end_is_given_up():
    stream = MessageStream()
    for _ in range(MAX_EVENT_BYTES // (8 * 1024 * 1024) + 1):
        stream.feed(b"x" * (8 * 1024 * 1024))
    assert stream.failure is not None
    assert stream.failure.code == "upstream_dropped"
