"""Script files become scripts, or a complaint that says where the fault is."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from oricode_service.models.script import Call, Fail, Pause, Say, Script, Stall, Stop, Think
from oricode_service.models.script_file import BadScript, load, parts_of

PROGRAM = "*&--\n*& Part 1\n*&--\nREPORT zx.\n*&--\n*& Part 2\n*&--\nWRITE 'ü'.\n"
WHOLE = """
about: all there is
rate: 200
piece: 5
scenes:
  - - think: Hm.
    - say: Hello
    - pause: 1.5
    - call: store
      input: {program: ZX, list: [{file: zx.abap, part: 2, of: 2}], code: {file: zx.abap, part: 1, of: 2}}
  - - fail: upstream_overloaded
      times: 1
      retry_after: 2
    - stall: true
    - stop: max_tokens
"""


@pytest.fixture
def script_file(tmp_path: Path) -> Path:
    (tmp_path / "zx.abap").write_text(PROGRAM, "utf-8")
    return tmp_path / "script.yaml"


def test_every_step_is_read(script_file: Path):
    script_file.write_text(WHOLE, "utf-8")
    first, second = "*&--\n*& Part 1\n*&--\nREPORT zx.\n", "*&--\n*& Part 2\n*&--\nWRITE 'ü'.\n"
    assert load(script_file) == Script(
        scenes=(
            (Think("Hm."), Say("Hello"), Pause(1.5), Call("store", {"program": "ZX", "list": [second], "code": first})),
            (Fail("upstream_overloaded", 1, 2), Stall(), Stop("max_tokens")),
        ),
        rate=200,
        piece=5,
        about="all there is",
    )


def test_json_is_a_script_too_and_pace_has_a_default(script_file: Path):
    script_file.write_text('{"scenes": [[{"say": "Hi"}]]}', "utf-8")
    assert load(script_file) == Script(((Say("Hi"),),), math.inf, 12)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("scenes: [", "script.yaml"),
        ("[]", "mapping with a list of scenes"),
        ("scenes: 7", "mapping with a list of scenes"),
        ("scenes: [7]", "scene 1 is not a list"),
        ("scenes: [[{sing: la}]]", "scene 1: a step is one of say, think"),
        ("scenes: [[{say: a, think: b}]]", "a step is one of"),
        ("scenes: [[{say: a, loudly: true}]]", "say takes no loudly"),
        ("scenes: [[], [{pause: long}]]", "scene 2: pause"),
        ("scenes: [[{fail: upstream_sulking}]]", "fail is one of upstream_overloaded"),
        ("scenes: [[{call: t, input: {code: {file: zx.abap, part: 3, of: 2}}}]]", "zx.abap has 2 parts"),
        ("scenes: [[{call: t, input: {code: {file: zx.abap, part: 1, of: 3}}}]]", "zx.abap has 2 parts"),
        ("scenes: [[{call: t, input: {code: {file: ../zx.abap, part: 1, of: 2}}}]]", "must lie beside the script"),
        ("{scenes: [], rate: 0}", "above 0"),
        ("{scenes: [], rate: fast}", "numbers"),
        ("{scenes: [], piece: 0}", "above 0"),
    ],
)
def test_a_fault_is_named_with_its_place(script_file: Path, text: str, complaint: str):
    script_file.write_text(text, "utf-8")
    with pytest.raises(BadScript, match=r"script\.yaml") as fault:
        load(script_file)
    assert complaint in str(fault.value)


@pytest.mark.parametrize("source", [PROGRAM, "REPORT zx.\n", "no line end", "head\n" + PROGRAM, "*& Part 1\nx\n"])
def test_parts_joined_are_the_source(source: str):
    assert "".join(parts_of(source)) == source
