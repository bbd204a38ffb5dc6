"""The table of a measure: medians and ranges of the rounds that count, ratios to the base row, and what was odd."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

from .machine import QUIET
from .measures.scene import Column, Measure, Results


def lines(measure: Measure, results: Results) -> Iterator[str]:
    """The table in Markdown."""
    yield f"## {measure.title}"
    yield ""
    yield f"| | {' | '.join(_heads(measure))} |"
    yield "| --- |" + " ---: |" * len(_heads(measure))
    for name in results:
        cells = [cell for column in measure.columns for cell in _cells(measure, column, results, name)]
        yield f"| {name} | {' | '.join(cells)} |"
    yield ""
    for name, found in results.items():
        for warning in dict.fromkeys(result["warning"] for result in found if result["counts"] and "warning" in result):
            yield f"> {name}: {warning}"
    yield quietness(results)


def values(results: Results, name: str, key: str) -> list[float]:
    """A figure in the rounds that count."""
    return [result[key] for result in results.get(name, []) if result["counts"] and result.get(key) is not None]


def figure(results: Results, name: str, key: str) -> float | None:
    """Its median; None when it was not measured."""
    found = values(results, name, key)
    return median(found) if found else None


def quietness(results: Results) -> str:
    """How many rounds were repeated, and how many count although others were busy."""
    rounds = [result for found in results.values() for result in found]
    repeated = sum(not result["counts"] for result in rounds)
    busy = sum(result["counts"] and result["others"] > QUIET for result in rounds)
    return (
        f"{len(rounds)} rounds, {repeated} of them repeated because other processes used more than {QUIET:.0%} of the "
        f"machine; {busy} of those that count were disturbed all the same."
    )


def _heads(measure: Measure) -> list[str]:
    return [
        head
        for column in measure.columns
        for head in ((column.label, f"× {measure.base}") if column.ratio else (column.label,))
    ]


def _cells(measure: Measure, column: Column, results: Results, name: str) -> list[str]:
    found = values(results, name, column.key)
    if not found:
        return ["–", "–"] if column.ratio else ["–"]
    cells = [_with_range(found)]
    if column.ratio:
        base = figure(results, measure.base, column.key)
        cells.append(f"{median(found) / base:.2f}" if base else "–")
    return cells


def _with_range(found: list[float]) -> str:
    middle = number(median(found))
    return middle if len(found) == 1 else f"{middle} ({number(min(found))}–{number(max(found))})"


def number(value: float) -> str:
    """With as many digits as mean something."""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"
