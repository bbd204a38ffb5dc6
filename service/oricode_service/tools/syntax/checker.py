"""Checks a text in its language, off the event loop and within a time limit.

In: a program's name, language and source. Out: a :class:`Report`, or :class:`CheckFailed` when nobody could look. Owns
the two child processes: abaplint on Node for ABAP, and a Python one for everything else and for ABAP without Node.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

from .. import languages
from .abaplint import Abaplint
from .findings import Finding, Report
from .worker import Worker, WorkerFailed

LANGUAGES = ("abap", "python", "json", "xml", "yaml")
LONGEST_SOURCE = 2_000_000
"""Characters; some 60,000 lines."""

_FALLBACK_NOTE = (
    "the ABAP checker abaplint is not available ({reason}), so only unknown statements and blocks that do not close "
    "were looked for; undefined names and missing periods were not."
)


class CheckFailed(Exception):
    """The text was not checked; the message says why, for the model and for a person."""


class SyntaxChecker:
    """One per service. Nothing runs before the first check."""

    def __init__(self, abaplint: Abaplint | None = None, *, limit: float = 30.0) -> None:
        self._abaplint = abaplint or Abaplint()
        self._limit = limit
        self._node = Worker("the ABAP checker", self._abaplint.command)
        self._python = Worker("the syntax checker", [sys.executable, "-P", "-m", "oricode_service.tools.syntax.child"])

    async def check(self, name: str, source: str, language: str) -> Report:
        """Raises :class:`CheckFailed`."""
        if language not in LANGUAGES:
            raise CheckFailed(f"there is no syntax check for {language}; there is one for {', '.join(LANGUAGES)}")
        if len(source) > LONGEST_SOURCE:
            raise CheckFailed(f"{name} has {len(source)} characters; at most {LONGEST_SOURCE} are checked")
        if language != "abap":
            return await self._parse(name, source, language)
        if (reason := await asyncio.to_thread(lambda: self._abaplint.missing)) is None:
            try:
                return await self._lint(name, source)
            except WorkerFailed as failed:
                reason = str(failed)
        return await self._parse(name, source, language, _FALLBACK_NOTE.format(reason=reason))

    async def _lint(self, name: str, source: str) -> Report:
        file = languages.abap_object(name, source).file_name
        greeting, answer = await self._node.ask({"file": file, "source": source}, self._limit)
        if "error" in answer:
            raise WorkerFailed(f"it gave up on this text: {answer['error']}")
        return Report(name, "abap", greeting["checker"], _findings(answer))

    async def _parse(self, name: str, source: str, language: str, note: str = "") -> Report:
        question = {"language": language, "name": name, "source": source}
        try:
            _, answer = await self._python.ask(question, self._limit)
        except WorkerFailed as failed:
            raise CheckFailed(f"{name} could not be checked: {failed}") from failed
        return Report(name, language, answer["checker"], _findings(answer), note)

    async def close(self) -> None:
        """End the child processes."""
        await self._node.close()
        await self._python.close()


def _findings(answer: dict[str, Any]) -> tuple[Finding, ...]:
    return tuple(Finding(**finding) for finding in answer["findings"])
