"""Ids and the cursor: opaque, URL-safe, and refused when a single character is wrong."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oricode_protocol.ids import Cursor, MalformedCursor, is_id, new_id

NAMES = st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True)


@given(NAMES, st.integers(1, 999_999_999), st.integers(1, 10**15 - 1))
def test_a_cursor_comes_back_from_its_text(run: str, epoch: int, seq: int) -> None:
    cursor = Cursor(run, epoch, seq)
    assert Cursor.parse(str(cursor)) == cursor
    assert re.fullmatch(r"[A-Za-z0-9_.-]+", str(cursor))


def test_the_start_is_a_cursor_too() -> None:
    assert Cursor.parse("run_1.0.0") == Cursor.start("run_1")
    assert Cursor.start("run_1").at_start
    assert not Cursor("run_1", 1, 1).at_start


@pytest.mark.parametrize(
    "text",
    ["", "run", "run.1", ".1.1", "run.1.1.1", "run.01.1", "run.1.01", "run.-1.1", "run.1.1 ", " run.1.1", "run.1.1\n",
     "run.1.x", "run.1.１", "rün.1.1", "a b.1.1", "run.0.1", "run.1.0", "run.+1.1", "run.1e1.1", "run.1.1\0",
     "x" * 65 + ".1.1", "run.1." + "9" * 16, "run.1000000000.1"],
)  # fmt: skip
def test_a_malformed_cursor_is_refused(text: str) -> None:
    with pytest.raises(MalformedCursor):
        Cursor.parse(text)


@given(st.text(max_size=30))
def test_any_text_is_a_cursor_that_prints_the_same_or_is_refused(text: str) -> None:
    try:
        cursor = Cursor.parse(text)
    except MalformedCursor:
        return
    assert str(cursor) == text


def test_fresh_ids_differ_and_are_legal() -> None:
    made = {new_id("run") for _ in range(1000)}
    assert len(made) == 1000
    assert all(is_id(id) and re.fullmatch(r"run_[A-Za-z0-9]{22}", id) for id in made)


@pytest.mark.parametrize("text", ["", "a.b", "a/b", "a b", "ä", "a\n", "x" * 65, "a\0"])
def test_what_could_not_be_an_id_is_none(text: str) -> None:
    assert not is_id(text)
