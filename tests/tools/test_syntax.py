"""``mcp_check_syntax`` with its real child processes. abaplint is skipped only where ``make abap`` was not run."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from oricode_service.tools.port import Step
from oricode_service.tools.syntax.abaplint import Abaplint
from oricode_service.tools.syntax.checker import CheckFailed, SyntaxChecker
from oricode_service.tools.syntax.tool import CheckSyntax
from oricode_service.tools.syntax.worker import Worker
from tools.memory_programs import MemoryPrograms
from tools.playing import result, run

BROKEN_REPORT = "REPORT zfoo.\nDATA x TYPE i.\nWRTE x.\nLOOP AT lt INTO DATA(l).\n  x = x + .\n"
needs_abaplint = pytest.mark.skipif(Abaplint().missing is not None, reason=str(Abaplint().missing))


@pytest.fixture
async def checker() -> AsyncIterator[SyntaxChecker]:
    one = SyntaxChecker()
    yield one
    await one.close()


@pytest.fixture
async def without_node(tmp_path: Path) -> AsyncIterator[SyntaxChecker]:
    one = SyntaxChecker(Abaplint(folder=tmp_path))
    yield one
    await one.close()


async def places(checker: SyntaxChecker, source: str, language: str, name: str = "ZFOO") -> list[tuple[int, int, str]]:
    report = await checker.check(name, source, language)
    return [(finding.line, finding.column, finding.rule) for finding in sorted(report.findings)]


@needs_abaplint
class TestAbaplint:
    async def test_a_broken_report_gives_line_column_and_rule(self, checker: SyntaxChecker) -> None:
        found = await places(checker, BROKEN_REPORT, "abap")
        assert (3, 1, "parser_error") in found
        assert (5, 3, "parser_error") in found
        assert any(rule == "structure" for _, _, rule in found)

    async def test_undefined_names_are_found(self, checker: SyntaxChecker) -> None:
        report = await checker.check("ZFOO", "REPORT zfoo.\nWRITE / nowhere.\n", "abap")
        assert [(f.line, f.column, f.rule) for f in report.findings] == [(2, 9, "check_syntax")]
        assert '"nowhere" not found' in report.findings[0].message

    async def test_what_only_the_sap_system_knows_is_taken_on_trust(self, checker: SyntaxChecker) -> None:
        source = "REPORT zfoo.\nDATA s TYPE bapiret2.\nDATA o TYPE REF TO zcl_elsewhere.\ns-type = 'E'.\no->go( ).\n"
        assert await places(checker, source, "abap") == []

    async def test_classes_and_interfaces_are_checked_as_such(self, checker: SyntaxChecker) -> None:
        class_ = (
            "CLASS zcl_x DEFINITION PUBLIC.\n  PUBLIC SECTION.\n    METHODS go.\nENDCLASS.\n"
            "CLASS zcl_x IMPLEMENTATION.\nENDCLASS.\n"
        )
        assert await places(checker, class_, "abap", "ZCL_X") == [(5, 7, "implement_methods")]
        interface = "INTERFACE zif_x PUBLIC.\n  METHODS go.\nENDINTERFACE.\n"
        assert await places(checker, interface, "abap", "/ACME/ZIF_X") == []

    async def test_a_killed_checker_is_replaced(self, checker: SyntaxChecker) -> None:
        await checker.check("ZFOO", "REPORT zfoo.\n", "abap")
        pid = checker._node.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        assert await places(checker, BROKEN_REPORT, "abap")
        assert checker._node.pid not in (None, pid)

    async def test_the_checker_ends_when_the_service_does(self, checker: SyntaxChecker) -> None:
        await checker.check("ZFOO", "REPORT zfoo.\n", "abap")
        process = checker._node._process
        assert process is not None
        assert process.stdin is not None
        process.stdin.close()
        async with asyncio.timeout(10):
            assert await process.wait() == 0


async def test_without_abaplint_the_report_says_what_was_not_looked_for(without_node: SyntaxChecker) -> None:
    report = await without_node.check("ZFOO", BROKEN_REPORT, "abap")
    assert (3, 1, "unknown_statement") in [(f.line, f.column, f.rule) for f in report.findings]
    assert (4, 1, "nesting") in [(f.line, f.column, f.rule) for f in report.findings]
    assert "abaplint is not available (@abaplint/core is not installed in" in report.text
    assert "undefined names and missing periods were not" in report.text


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        ("echo no such module >&2; exit 3", "the ABAP checker ended with code 3: no such module"),
        ("echo '{\"ready\": true}'; exec sleep 1000", "the ABAP checker did not answer within 1 seconds"),
        ("echo nonsense; exec sleep 1000", "the ABAP checker answered nonsense"),
    ],
)
async def test_an_abap_checker_that_fails_is_stood_in_for(tmp_path: Path, behaviour: str, reason: str) -> None:
    core = tmp_path / "node_modules" / "@abaplint" / "core"
    core.mkdir(parents=True)
    (core / "package.json").write_text("{}")
    node = tmp_path / "node"
    node.write_text(f"#!/bin/sh\n{behaviour}\n")
    node.chmod(0o755)
    checker = SyntaxChecker(Abaplint(folder=tmp_path, node=str(node)), limit=1.0)
    report = await checker.check("ZFOO", BROKEN_REPORT, "abap")
    await checker.close()
    assert report.checker.startswith("abap-parser")
    assert [(f.line, f.rule) for f in report.findings] == [(3, "unknown_statement"), (4, "nesting")]
    assert reason in report.note


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("REPORT z.\nIF a = b.\n  DO.\n  ENDDO.\nENDIF.\n", []),
        ("IF a = b.\nLOOP AT x INTO y.\nENDIF.\n", [(2, 1, "nesting")]),
        ("ENDLOOP.\n", [(1, 1, "nesting")]),
        ("FORM f.\n  WHILE x = 1.\n", [(1, 1, "nesting"), (2, 3, "nesting")]),
        ("SELECT * FROM t INTO x.\nENDSELECT.\nSELECT SINGLE * FROM t INTO x.\n", []),
    ],
)
async def test_the_fallback_finds_blocks_that_do_not_close(
    without_node: SyntaxChecker, source: str, found: list[tuple[int, int, str]]
) -> None:
    assert await places(without_node, source, "abap") == found


@pytest.mark.parametrize(
    ("language", "source", "found"),
    [
        ("python", "def f():\n    return 1\n", []),
        ("python", "x = 1\ndef f(:\n", [(2, 7, "SyntaxError")]),
        ("python", "x = 1\nreturn x\n", [(2, 1, "SyntaxError")]),
        ("python", "x = 1 is 1\n", [(1, 1, "SyntaxWarning")]),
        ("json", '{"a": [1, 2]}', []),
        ("json", '{\n "a": tru}', [(2, 7, "json")]),
        ("json", '{"a": NaN}', [(1, 7, "json")]),
        ("xml", "<a><b/></a>", []),
        ("xml", "<a>\n  <b></a>\n", [(2, 8, "xml")]),
        ("xml", '<?xml version="1.0" encoding="ISO-8859-1"?><a>é</a>', []),
        ("yaml", "a: &x [1]\nb: *x\n---\nc: d\n", []),
        ("yaml", "a: [1,\nb: c\n", [(3, 1, "yaml")]),
        ("yaml", "a: 1\nb:\n  c: 1\n  c: 2\n", [(4, 3, "double_key")]),
        ("yaml", "a: *nowhere\n", [(1, 4, "yaml")]),
    ],
)
async def test_each_language_is_checked_by_its_parser(
    checker: SyntaxChecker, language: str, source: str, found: list[tuple[int, int, str]]
) -> None:
    assert await places(checker, source, language) == found


SLOW = "1;" * 900_000
"""Takes the Python compiler several seconds."""
BOMB = "a: &a [x]\n" + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [{', '.join(['*' + chr(97 + i)] * 9)}]\n" for i in range(22)
)
LAUGHS = "<!DOCTYPE a [" + "".join(
    f'<!ENTITY l{i} "{f"&l{i - 1};" * 10 if i else "ha"}">' for i in range(12)
)  # fmt: skip


@pytest.mark.parametrize(
    ("language", "source", "found"),
    [
        ("yaml", BOMB, []),
        ("yaml", "[" * 100_000, [(1, 501, "too_complex")]),
        ("xml", f"{LAUGHS}]><a>&l11;</a>", [(1, 21, "xml")]),
        ("xml", '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>', [(1, 14, "xml")]),
        ("xml", "<a>" * 100_000, [(1, 1501, "xml")]),
        ("json", "[" * 100_000, [(1, 1026, "json")]),
        ("python", "-" * 100_000 + "1", [(1, 1, "too_complex")]),
    ],
)
async def test_hostile_texts_do_no_harm(
    checker: SyntaxChecker, language: str, source: str, found: list[tuple[int, int, str]]
) -> None:
    report = await checker.check("ZFOO", source, language)
    assert [finding.rule for finding in report.findings] == [rule for _, _, rule in found]
    assert [finding.line for finding in report.findings] == [line for line, _, _ in found]


async def test_a_check_that_takes_too_long_is_ended_and_the_next_one_works() -> None:
    checker = SyntaxChecker(limit=1.0)
    with pytest.raises(CheckFailed, match="did not answer within 1 seconds"):
        await checker.check("ZFOO", SLOW, "python")
    patient = await checker.check("ZFOO", "x = 1\n", "python")
    assert patient.findings == ()
    await checker.close()


async def test_a_cancelled_check_does_not_answer_the_next_one(checker: SyntaxChecker) -> None:
    await checker.check("ZFOO", "x = 1\n", "python")
    long = asyncio.create_task(checker.check("ZFOO", SLOW, "python"))
    while not checker._python._turn.locked():
        await asyncio.sleep(0)
    long.cancel()
    with pytest.raises(asyncio.CancelledError):
        await long
    assert await places(checker, "def f(:\n", "python") == [(1, 7, "SyntaxError")]


async def test_the_event_loop_goes_on_during_a_check(checker: SyntaxChecker) -> None:
    check = asyncio.create_task(checker.check("ZFOO", "x = 1\n" * 50_000, "python"))
    turns = 0
    async with asyncio.timeout(30):
        while not check.done():
            await asyncio.sleep(0)
            turns += 1
    assert turns > 100


class TestTool:
    @pytest.fixture
    def tool(self, programs: MemoryPrograms, checker: SyntaxChecker) -> CheckSyntax:
        return CheckSyntax(programs, checker)

    async def put(self, programs: MemoryPrograms, name: str, source: str, language: str | None = None) -> None:
        await programs.put_chunk("anna", name, index=0, total=1, code=source, language=language)

    async def test_findings_are_a_result_with_status_ok(self, tool: CheckSyntax, programs: MemoryPrograms) -> None:
        await self.put(programs, "ZFOO", "def f(:\n", "python")
        steps, outcome = await run(tool, {"program": "zfoo"})
        assert steps == [Step("Checking syntax...", "syntax_check")]
        assert outcome.status == "ok"
        assert outcome.summary == "1 problem: line 1: invalid syntax"
        assert "line 1, column 7: error SyntaxError: invalid syntax" in outcome.content

    async def test_a_clean_program_says_so(self, tool: CheckSyntax, programs: MemoryPrograms) -> None:
        await self.put(programs, "ZFOO", "x = 1\n", "python")
        assert (await result(tool, {"program": "ZFOO"})).summary == "ZFOO: no problems found"

    @pytest.mark.parametrize(
        ("name", "source", "language"),
        [
            ("tool.py", "x = 1", "python"),
            ("CONFIG", "\n {}", "json"),
            ("VIEW", "<?xml version='1.0'?><a/>", "xml"),
            ("values.yml", "a: 1", "yaml"),
            ("SCRIPT", "#!/usr/bin/env python3\nx = 1", "python"),
        ],
    )
    async def test_the_language_is_found_from_name_and_text(
        self, tool: CheckSyntax, programs: MemoryPrograms, name: str, source: str, language: str
    ) -> None:
        await self.put(programs, name, source)
        assert f"{name} ({language}, " in (await result(tool, {"program": name})).content

    async def test_an_explicit_language_wins(self, tool: CheckSyntax, programs: MemoryPrograms) -> None:
        await self.put(programs, "ZFOO", "{}", "python")
        assert "(json, " in (await result(tool, {"program": "ZFOO", "language": "JSON"})).content

    async def test_a_language_without_a_checker_is_an_error(self, tool: CheckSyntax, programs: MemoryPrograms) -> None:
        await self.put(programs, "ZFOO", "x", "cobol")
        outcome = await result(tool, {"program": "ZFOO"})
        assert outcome.status == "error"
        assert "there is no syntax check for cobol; there is one for abap, python" in outcome.content

    async def test_an_incomplete_program_is_not_checked(self, tool: CheckSyntax, programs: MemoryPrograms) -> None:
        await programs.put_chunk("anna", "ZFOO", index=1, total=4, code="x", language=None)
        outcome = await result(tool, {"program": "ZFOO"})
        assert outcome.status == "error"
        assert "missing are chunk_index 0, 2-3" in outcome.content

    async def test_an_unknown_program_is_answered_with_the_known_ones(
        self, tool: CheckSyntax, programs: MemoryPrograms
    ) -> None:
        await self.put(programs, "ZBAR", "x")
        outcome = await result(tool, {"program": "ZFOO"})
        assert (outcome.status, outcome.content) == ("error", "There is no stored program ZFOO. Stored: ZBAR.")

    async def test_many_findings_are_cut_with_a_count(self, tool: CheckSyntax, programs: MemoryPrograms) -> None:
        await self.put(programs, "a.yaml", "".join("k: 1\n" for _ in range(151)))
        outcome = await result(tool, {"program": "a.yaml"})
        assert "150 problems" in outcome.content
        assert outcome.content.endswith("... and 50 more")


_TELLS_WHAT_IT_KNOWS = """
import json, os, sys
print("{}", flush=True)
for line in sys.stdin:
    print(json.dumps(sorted(os.environ)), flush=True)
"""


async def test_a_process_that_reads_foreign_programs_knows_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = {"ANTHROPIC_API_KEY", "DATABASE_URL", "ORICODE_UPSTREAM_KEY"}
    for name in secrets:
        monkeypatch.setenv(name, "secret")
    worker = Worker("it", [sys.executable, "-c", _TELLS_WHAT_IT_KNOWS])
    try:
        _, known = await worker.ask({}, 10)
    finally:
        await worker.close()
    assert "PATH" in known
    assert not secrets & set(known)
