"""Tables and the budget."""

from __future__ import annotations

from typing import Any

import pytest

from bench import budget, table
from bench.measures.scene import Column, Measure

MEASURE = Measure("m", "Title", (Column("us", "µs"), Column("rate", "events/s", ratio=False)), lambda scene: {}, "base")


def rounds(*figures: float, **more: Any) -> list[dict[str, Any]]:
    return [{"us": figure, "rate": 5.0, "counts": True, "others": 0.0, **more} for figure in figures]


def test_a_table_shows_medians_ranges_and_ratios_of_the_rounds_that_count():
    results = {"ours": [*rounds(1, 2, 9), *rounds(100, counts=False)], "base": rounds(4)}
    assert list(table.lines(MEASURE, results))[2:6] == [
        "| | µs | × base | events/s |",
        "| --- | ---: | ---: | ---: |",
        "| ours | 2.00 (1.00–9.00) | 0.50 | 5.00 (5.00–5.00) |",
        "| base | 4.00 | 1.00 | 5.00 |",
    ]


def test_a_figure_that_was_not_measured_is_a_dash():
    results = {"ours": [{"counts": True, "others": 0.0}]}
    assert "| ours | – | – | – |" in list(table.lines(MEASURE, results))


def test_a_table_says_what_was_not_whole_and_how_quiet_it_was():
    results = {"ours": [*rounds(1, warning="only 3"), *rounds(1, others=0.5), *rounds(1, counts=False, others=0.5)]}
    *_, warning, quiet = table.lines(MEASURE, results)
    assert warning == "> ours: only 3"
    assert quiet.startswith("3 rounds, 1 of them repeated")
    assert "; 1 of those that count" in quiet


@pytest.mark.parametrize(("ours", "verdict"), [(3.0, "aim"), (4.9, "met"), (5.1, "MISSED")])
def test_the_budget_judges_ratios_of_the_same_run(ours: float, verdict: str):
    found = {"burst": {"oricode": rounds(ours), "express": rounds(10)}}
    *_, row = budget.lines(found)
    assert row.endswith(f"{ours / 10:.2f} × | {verdict} |")


@pytest.mark.parametrize(("ours", "verdict"), [(299_999, "MISSED"), (300_000, "met")])
def test_some_figures_must_be_at_least_so_much(ours: float, verdict: str):
    *_, row = budget.lines({"replay": {"SSE": rounds(0, rate=ours)}})
    assert row.endswith(f"| {verdict} |")


def test_a_budget_of_nothing_has_no_rows():
    assert len(list(budget.lines({}))) == 4
