"""Program names, and the in-memory store against the contract of all stores."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oricode_service.tools.program_names import (
    PATTERN,
    BadProgramName,
    canonical,
    default_name,
    file_stem,
    user_folder,
)
from oricode_service.tools.programs import spans
from tools.programs_contract import ProgramsContract


class TestMemoryPrograms(ProgramsContract):
    """The contract itself holds for the simplest implementation."""


@pytest.mark.parametrize(
    ("given_name", "name", "stem"),
    [
        ("zfoo", "ZFOO", "zfoo"),
        ("/acme/zcl_order", "/ACME/ZCL_ORDER", "#acme#zcl_order"),
        ("Config.json", "Config.json", "Config.json"),
        ("my-program", "MY-PROGRAM", "my-program"),
    ],
)
def test_a_name_has_one_spelling_and_one_file_stem(given_name: str, name: str, stem: str) -> None:
    assert canonical(given_name) == name
    assert canonical(name) == name
    assert file_stem(name) == stem


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "../etc/passwd", "a/b", "/ACME/../X", "/a/b/c", "a..b", ".hidden", "a.", "ZFOO\n", "Z FOO", "Zé",
     "C:\\x", "x\0y", "#acme#x", "~", "%2e%2e", "Z" * 41],
)  # fmt: skip
def test_a_name_that_could_be_a_path_is_refused(name: str) -> None:
    with pytest.raises(BadProgramName):
        canonical(name)


@given(st.from_regex(PATTERN, fullmatch=True).filter(lambda name: len(name) <= 40))
def test_every_allowed_name_is_one_harmless_path_component(name: str) -> None:
    stem = file_stem(canonical(name))
    assert not {"/", "\\", "\0"} & set(stem)
    assert not stem.startswith(".")
    assert len(stem) <= 40


@given(st.text(), st.text())
def test_every_user_has_a_harmless_folder_of_their_own(one: str, other: str) -> None:
    folder = user_folder(one)
    assert folder
    assert not {"/", "\\", "\0", "."} & set(folder)
    assert len(folder) <= 120
    assert (folder == user_folder(other)) == (one == other)


def test_a_chat_has_one_default_program_that_is_a_valid_name() -> None:
    assert default_name("chat-1") == default_name("chat-1") != default_name("chat-2")
    assert canonical(default_name("chat-1")) == default_name("chat-1")


def test_spans_read_like_a_person_wrote_them() -> None:
    assert spans((2, 4, 5, 6, 9)) == "2, 4-6, 9"
    assert spans(()) == ""
