"""What of a growing text may be printed for good."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from oricode_client.terminal.markdown_tail import split_finished


def test_a_blank_line_finishes_what_is_before_it() -> None:
    assert split_finished("One.\n\nTwo") == ("One.\n\n", "Two")


def test_a_paragraph_without_a_blank_line_is_not_finished() -> None:
    assert split_finished("One.\nStill one") == ("", "One.\nStill one")


def test_blank_lines_inside_a_fence_finish_nothing() -> None:
    assert split_finished("```abap\nDATA x.\n\nx = 1.\n") == ("", "```abap\nDATA x.\n\nx = 1.\n")


def test_a_closed_fence_is_finished_by_the_next_blank_line() -> None:
    code = "```\na\n\nb\n```\n\n"
    assert split_finished(code + "After") == (code, "After")


def test_a_longer_fence_is_not_closed_by_a_shorter_one() -> None:
    text = "````\n```\n\n```\n\n"
    assert split_finished(text) == ("", text)


def test_backticks_in_a_line_are_no_fence() -> None:
    assert split_finished("```not a fence```\n\nNext") == ("```not a fence```\n\n", "Next")


@given(st.text(alphabet="a`~ \n", max_size=60), st.data())
def test_no_split_loses_or_moves_a_character_however_the_text_arrives(text: str, data: st.DataObject) -> None:
    finished, rest = split_finished(text)
    assert finished + rest == text
    cut = data.draw(st.integers(0, len(text)))
    early, waiting = split_finished(text[:cut])
    late, remaining = split_finished(waiting + text[cut:])
    assert early + late + remaining == text
