"""``mcp_check_syntax``: checks a stored program.

In: the program's name, optionally its language. Out: a ``syntax_check`` step, then every finding with line and column.
Finding errors is a result like any other (status ``ok``); ``error`` means that nobody could look.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any, Final, Literal

from .. import languages
from ..named_program import PROGRAM_PROPERTY, complete_program
from ..port import Call, Effect, Outcome, Step
from ..programs import Programs
from .checker import LANGUAGES, CheckFailed, SyntaxChecker


class CheckSyntax:
    """The tool over the durable store and a checker it does not own."""

    name: Final = "mcp_check_syntax"
    description: Final = (
        "Check the syntax of a stored program, whose chunks must all be stored. Lists every problem with line, "
        "column and rule. Correct the chunks that hold them, store those again, and check once more before deploying."
    )
    input_schema: Final[dict[str, Any]] = {
        "type": "object",
        "properties": {
            "program": PROGRAM_PROPERTY,
            "language": {
                "type": "string",
                "maxLength": 20,
                "description": f"One of {', '.join(LANGUAGES)}; default: what was stored with the chunks, else ABAP.",
            },
        },
    }
    effect: Final = Effect.PURE
    time_limit: Final = 120.0
    runs: Final[Literal["server"]] = "server"

    def __init__(self, programs: Programs, checker: SyntaxChecker) -> None:
        self._programs = programs
        self._checker = checker

    async def run(self, call: Call) -> AsyncGenerator[Step | Outcome, None]:
        yield Step("Checking syntax...", "syntax_check")
        program = await complete_program(self._programs, call)
        if isinstance(program, Outcome):
            yield program
            return
        language = languages.detect(program.name, program.source, call.input.get("language") or program.language)
        try:
            report = await self._checker.check(program.name, program.source, language)
        except CheckFailed as failed:
            yield Outcome(f"The syntax of {program.name} was not checked: {failed}", "error")
            return
        yield Outcome(report.text, summary=report.summary)

    async def reconcile(self, call: Call) -> Outcome | None:
        return None
