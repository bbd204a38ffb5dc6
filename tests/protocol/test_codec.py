"""The codec by Hypothesis: what is encoded is decoded, and two encoders agree."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from oricode_protocol import codec
from oricode_protocol.events import EVENTS, Content, Done, Progress
from protocol.legal import events

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=40)
"""Surrogates included."""
PUNCTUATION = st.text('",:\\\\{}[] \n', max_size=4)
"""What JSON itself is made of, often alone: models send a comma or a bracket as a delta of its own."""
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ANY_TEXT, inner, max_size=4),
    max_leaves=12,
)


@given(JSON)
def test_what_is_encoded_is_decoded(value: Any) -> None:
    assert codec.loads(codec.dumps(value)) == value


@given(JSON)
def test_the_standard_library_reads_what_we_write(value: Any) -> None:
    assert json.loads(codec.dumps(value)) == value


@given(JSON)
def test_json_is_one_line_for_every_line_reader(value: Any) -> None:
    data = codec.dumps(value)
    assert b"\n" not in data
    assert b"\r" not in data
    assert len(data.decode().splitlines()) == 1


@given(JSON, st.randoms(use_true_random=False))
def test_equal_values_have_equal_canonical_bytes(value: Any, random: Any) -> None:
    assert codec.canonical(_shuffled(value, random)) == codec.canonical(value)
    assert codec.canonical(value).isascii()


def _shuffled(value: Any, random: Any) -> Any:
    if isinstance(value, dict):
        keys = list(value)
        random.shuffle(keys)
        return {key: _shuffled(value[key], random) for key in keys}
    return [_shuffled(item, random) for item in value] if isinstance(value, list) else value


@given(ANY_TEXT | PUNCTUATION, st.integers(0, 2**31))
@example('"name",', 0)
def test_the_hot_path_writes_the_same_bytes_as_the_plain_one(text: str, index: int) -> None:
    assert codec.encode_texts([text], index) == codec.encode(Content(text=text, index=index))


_JSON_ITSELF = st.lists(st.sampled_from(['"', ",", "\\", "\n", " ", "[", "]", "{", "x", "\ud83d"]), max_size=4).map(
    "".join
)


@given(st.lists(ANY_TEXT | PUNCTUATION | _JSON_ITSELF, min_size=1), st.integers(0, 2**31))
@example([","], 0)
@example([",", "a", ","], 7)
@example(['"name",', "x"], 0)
@example(['",', '\ud83d",'], 0)
@example(['"key": "value",', " next"], 0)
@example(["\ud83d", ",\n  "], 0)
def test_many_texts_at_once_are_as_many_lines(texts: list[str], index: int) -> None:
    lines = [codec.loads(line) for line in codec.encode_texts(texts, index).split(b"\n")]
    assert len(lines) == len(texts)
    assert codec.loads(codec.dumps("".join(line["text"] for line in lines))) == codec.loads(codec.dumps("".join(texts)))
    if not any(map(_has_surrogates, texts)):
        assert lines == [{"text": text, "index": index} for text in texts]


def _has_surrogates(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)


def test_a_character_that_was_cut_in_two_is_whole_in_the_text_of_its_second_half() -> None:
    lines = codec.encode_texts(["a\ud83d", "\ude00b", "\ud83d", "c"], 0).split(b"\n")
    assert [codec.loads(line)["text"] for line in lines] == ["a", "😀b", "\ud83d", "c"]


@given(events())
def test_an_event_comes_back_from_its_bytes(event: Any) -> None:
    assert type(event)(**codec.loads(codec.encode(event))) == event


@given(st.binary(max_size=60))
def test_hostile_bytes_are_decoded_or_refused_and_nothing_else(data: bytes) -> None:
    try:
        value = codec.loads(data)
    except codec.MalformedJson:
        return
    assert codec.loads(codec.dumps(value)) == value


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"[1,]", b"NaN", b"Infinity", b"[-Infinity]", b"\xff", b'"\xed\xa0\x80"', b"{'a':1}", b"[" * 100_000],
    ids=lambda data: repr(data[:20]),
)
def test_what_is_no_json_is_refused(data: bytes) -> None:
    with pytest.raises(codec.MalformedJson):
        codec.loads(data)


def test_integers_beyond_64_bits_lose_precision_but_nothing_breaks() -> None:
    """A known gap, as in JavaScript: they are read as floating point numbers."""
    assert codec.loads(codec.dumps({"a": 2**80})) == {"a": float(2**80)}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object()])
def test_what_json_cannot_hold_is_never_written_as_something_invalid(value: Any) -> None:
    """orjson writes null for numbers that JSON does not have; anything else is a TypeError."""
    try:
        data = codec.dumps({"a": value})
    except TypeError:
        return
    assert json.loads(data) == {"a": None}


@pytest.mark.parametrize("text", ['[1e400,-1e999,"x"]', '{"a":[{"b":1e400}],"c":"x"}'])
def test_a_number_without_an_end_is_null_whatever_stands_beside_it(text: str) -> None:
    """A half character leads to the other encoder, which would refuse the number."""
    plain, other = (codec.dumps(codec.loads(t)) for t in (text, text.replace("x", "\\ud83d")))
    assert b"null" in plain
    assert other.replace(b"\\ud83d", b"x") == plain


def test_fields_that_are_none_are_absent_on_the_wire() -> None:
    assert json.loads(codec.encode(Progress(type="chunking", message="m"))) == {"type": "chunking", "message": "m"}
    assert json.loads(codec.encode(Done(message="Complete", status="completed"))) == {
        "message": "Complete",
        "status": "completed",
    }


def test_every_event_type_is_known_by_its_own_name() -> None:
    assert all(name == cls.event for name, cls in EVENTS.items())


@pytest.mark.parametrize("size", [1, 1000, 5000])
def test_what_is_kept_weighs_what_it_says(size: int):
    """Events stay in memory by the thousand."""
    event = Progress(type="step", message="x" * size, progress=1)
    tracemalloc.start()
    try:
        kept = [codec.encode(event) for _ in range(200)]
        weight, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert weight < 1.1 * sum(map(len, kept)) + 200 * 60
