"""Before and after: what the runs of each arm of the rollout came to.

In: the store's :class:`ReportRow` of a time. Out: one :class:`Summary` an arm, whole and by time slice. Pure; the
definitions of timeout and abandoned are those of :mod:`.endings`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from oricode_protocol import codec

from ..store.rows import ReportRow
from .endings import cause_of_timeout, is_abandoned

ARMS = ("streaming", "json")


@dataclass(frozen=True, slots=True)
class Ended:
    """An ended run, read from its row."""

    at: int
    """Milliseconds since the epoch, of its creation."""
    arm: str
    status: str
    code: str | None
    seconds: float
    first_token_seconds: float | None
    cause: str | None
    """Of its timeout; None when it had none."""
    abandoned: bool
    rating: str | None


@dataclass(frozen=True, slots=True)
class Summary:
    """What the ended runs of one arm came to."""

    runs: int
    completed: int
    failed: int
    cancelled: int
    timeouts: int
    timeout_rate: float | None
    """0 to 1; None without runs."""
    causes: dict[str, int]
    abandoned: int
    seconds_p50: float | None
    seconds_p95: float | None
    seconds_max: float | None
    first_token_p50: float | None
    rated: int
    satisfaction: float | None
    """Share of ``up`` among the rated, 0 to 1; None when nobody rated."""

    def as_json(self) -> dict[str, Any]:
        """For the wire."""
        return asdict(self)


def ended(rows: Iterable[ReportRow]) -> list[Ended]:
    """The rows that ended, read."""
    return [_ended(row, row.finished_at) for row in rows if row.finished_at is not None]


def _ended(row: ReportRow, finished_at: int) -> Ended:
    labels: dict[str, str] = codec.loads(row.labels)
    arm, code = labels.get("arm", "streaming"), labels.get("code")
    watched = labels.get("watched", "yes") == "yes"
    first = labels.get("first_token_seconds")
    return Ended(
        at=row.created_at,
        arm=arm,
        status=row.status,
        code=code,
        seconds=max(0, finished_at - row.created_at) / 1000,
        first_token_seconds=float(first) if first is not None else None,
        cause=cause_of_timeout(arm, code, watched),
        abandoned=is_abandoned(arm, watched),
        rating=row.rating,
    )


def by_arm(runs: Sequence[Ended]) -> dict[str, Summary]:
    """One summary an arm, both arms always."""
    return {arm: summary([run for run in runs if run.arm == arm]) for arm in ARMS}


def by_time(runs: Sequence[Ended], since: int, until: int, step: int) -> list[dict[str, Any]]:
    """Summaries of consecutive slices of ``step`` milliseconds, the empty ones too."""
    slices: dict[int, list[Ended]] = {}
    for run in runs:
        slices.setdefault((run.at - since) // step, []).append(run)
    return [
        {"at": since + number * step, "arms": {a: s.as_json() for a, s in by_arm(slices.get(number, [])).items()}}
        for number in range((until - since + step - 1) // step)
    ]


def summary(runs: Sequence[Ended]) -> Summary:
    """What these came to."""
    statuses = Counter(run.status for run in runs)
    causes = Counter(run.cause for run in runs if run.cause is not None)
    lost = sum(causes.values())
    ratings = Counter(run.rating for run in runs if run.rating is not None)
    rated = ratings["up"] + ratings["down"]
    seconds = sorted(run.seconds for run in runs)
    first = sorted(run.first_token_seconds for run in runs if run.first_token_seconds is not None)
    return Summary(
        runs=len(runs),
        completed=statuses["completed"],
        failed=statuses["failed"],
        cancelled=statuses["cancelled"],
        timeouts=lost,
        timeout_rate=lost / len(runs) if runs else None,
        causes=dict(causes),
        abandoned=sum(run.abandoned for run in runs),
        seconds_p50=quantile(seconds, 0.5),
        seconds_p95=quantile(seconds, 0.95),
        seconds_max=seconds[-1] if seconds else None,
        first_token_p50=quantile(first, 0.5),
        rated=rated,
        satisfaction=ratings["up"] / rated if rated else None,
    )


def quantile(ascending: Sequence[float], share: float) -> float | None:
    """The nearest-rank quantile; None of nothing."""
    if not ascending:
        return None
    return ascending[max(0, -(-len(ascending) * round(share * 1000) // 1000) - 1)]
