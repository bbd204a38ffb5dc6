"""What a syntax check found, and how it is told to the model and to a person.

In: findings in any order. Out: text. Positions count from 1, columns in characters.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

MOST_LISTED = 100


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    line: int
    column: int
    rule: str
    """The checker's own name of the rule, e.g. ``parser_error``."""
    message: str
    severity: Literal["error", "warning"] = "error"


@dataclass(frozen=True, slots=True)
class Report:
    """The answer of one check."""

    program: str
    language: str
    checker: str
    """Who says so: ``abaplint 2.120.109 (v758)``, ``Python 3.11``, …"""
    findings: tuple[Finding, ...]
    note: str = ""
    """What this check could not look at; empty when it is complete."""

    @property
    def summary(self) -> str:
        """One line: ``3 problems: line 12: Expected ENDLOOP``."""
        if not self.findings:
            return f"{self.program}: no problems found"
        first = min(self.findings)
        return f"{_count(len(self.findings))}: line {first.line}: {first.message}"

    @property
    def text(self) -> str:
        """For the model: every finding with its place, and what was not checked."""
        lines = [
            f"{self.program} ({self.language}, checked by {self.checker}): "
            + (f"{_count(len(self.findings))}." if self.findings else "no problems found.")
        ]
        ordered = sorted(self.findings)
        lines += [
            f"line {f.line}, column {f.column}: {f.severity} {f.rule}: {f.message}" for f in ordered[:MOST_LISTED]
        ]
        if len(ordered) > MOST_LISTED:
            lines.append(f"... and {len(ordered) - MOST_LISTED} more")
        if self.note:
            lines.append(f"Note: {self.note}")
        return "\n".join(lines)


def _count(number: int) -> str:
    return "1 problem" if number == 1 else f"{number} problems"
