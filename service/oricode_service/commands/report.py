"""``oricode report``: timeouts, durations and satisfaction of both arms of the rollout, side by side.

In: a data directory or a database's address, beside a running service or without one. Out: a table on stdout, or JSON.
The definitions are those of the dashboard; ``docs/operating.md`` has them.
"""

from __future__ import annotations

import time
from pathlib import Path

import click

from oricode_service.observe.report import ARMS, Summary, by_arm, ended
from oricode_service.store.rows import ReportRow

from .place import place, postgres, run

_DAY_MS = 86_400_000


@click.command()
@click.option("--days", type=click.IntRange(1, 3650), default=7, show_default=True, help="How far to look back.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")
@place
def report(days: int, as_json: bool, data_dir: Path, database_url: str | None) -> None:
    """Compare streaming with the JSON answer: before and after."""
    until = time.time_ns() // 1_000_000
    rows = run(_rows(data_dir, database_url, until - days * _DAY_MS, until), "the runs cannot be read")
    arms = by_arm(ended(rows))
    if as_json:
        from oricode_protocol.codec import dumps

        click.echo(dumps({arm: found.as_json() for arm, found in arms.items()}).decode())
        return
    click.echo(f"Runs of the last {days} days")
    for line in table(arms):
        click.echo(line)


async def _rows(data_dir: Path, database_url: str | None, since: int, until: int) -> list[ReportRow]:
    if not database_url:
        from oricode_service.store.sqlite.reports import SqliteReports

        return await SqliteReports(data_dir).runs(since, until)
    async with postgres().open_tables(database_url) as tables:
        found: list[ReportRow] = await tables.reports.runs(since, until)
        return found


def table(arms: dict[str, Summary]) -> list[str]:
    """The comparison, one line a measure: before (JSON) on the left, after (streaming) on the right."""
    before, after = arms["json"], arms["streaming"]
    assert set(arms) == set(ARMS)
    causes = sorted({*before.causes, *after.causes})
    rows = [
        ("", "json", "streaming"),
        ("runs ended", str(before.runs), str(after.runs)),
        ("timeout rate", _percent(before.timeout_rate), _percent(after.timeout_rate)),
        *((f"  by {cause}", str(before.causes.get(cause, 0)), str(after.causes.get(cause, 0))) for cause in causes),
        ("failed", str(before.failed), str(after.failed)),
        ("cancelled", str(before.cancelled), str(after.cancelled)),
        ("ended unwatched", "-", str(after.abandoned)),
        ("duration p50", _seconds(before.seconds_p50), _seconds(after.seconds_p50)),
        ("duration p95", _seconds(before.seconds_p95), _seconds(after.seconds_p95)),
        ("first token p50", _seconds(before.first_token_p50), _seconds(after.first_token_p50)),
        ("satisfaction", _rating(before), _rating(after)),
    ]
    return [f"{name:<18}{left:>16}{right:>16}" for name, left, right in rows]


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share * 100:.2f} %"


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f} s"


def _rating(found: Summary) -> str:
    return "-" if found.satisfaction is None else f"{found.satisfaction * 100:.0f} % of {found.rated}"
