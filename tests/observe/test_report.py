"""The arithmetic of the report."""

import json

from oricode_service.observe.report import by_arm, by_time, ended, quantile
from oricode_service.store.rows import ReportRow


def row(at=0, seconds=1.0, status="completed", rating=None, **labels) -> ReportRow:
    known = {"transport": "sse", "arm": "streaming"} | labels
    return ReportRow(at, at + int(seconds * 1000), status, json.dumps(known).encode(), rating)


def test_quantiles_are_values_that_occurred():
    values = [float(n) for n in range(1, 101)]
    assert [quantile(values, share) for share in (0.01, 0.5, 0.95, 1)] == [1, 50, 95, 100]
    assert quantile([7.0], 0.95) == 7
    assert quantile([], 0.5) is None


def test_a_live_run_is_in_no_summary():
    assert ended([ReportRow(0, None, "running", b'{"arm":"json"}', None)]) == []


def test_satisfaction_counts_the_rated_alone():
    arms = by_arm(ended([row(rating="up"), row(rating="down"), row(rating="up"), row()]))
    assert (arms["streaming"].rated, round(arms["streaming"].satisfaction, 3)) == (3, 0.667)
    assert arms["json"].satisfaction is None


def test_a_row_from_before_its_end_was_recorded_counts_as_watched():
    """Runs that ended under an older version have no such label."""
    assert by_arm(ended([row(arm="json")]))["json"].timeouts == 0


def test_every_run_is_in_exactly_one_slice():
    runs = ended([row(at=at) for at in (0, 9, 10, 29)])
    slices = by_time(runs, 0, 30, 10)
    assert [part["arms"]["streaming"]["runs"] for part in slices] == [2, 1, 1]
    assert [part["at"] for part in slices] == [0, 10, 20]
