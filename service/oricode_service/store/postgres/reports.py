"""The operator's questions to PostgreSQL."""

from __future__ import annotations

from ..rows import LiveRow, ReportRow
from .connections import Pool


class PostgresReports:
    """Implements :class:`~oricode_service.store.port.ReportStore`."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def runs(self, since: int, until: int) -> list[ReportRow]:
        found = await self._pool.all(
            "select created_at, finished_at, status, labels, rating from run"
            " where created_at >= $1 and created_at < $2 order by created_at",
            since,
            until,
        )
        return [ReportRow(*row) for row in found]

    async def live(self, limit: int) -> tuple[int, list[LiveRow]]:
        found = await self._pool.all(
            'select count(*) over (), id, "user", status, labels, created_at from run'
            " where status in ('queued', 'running') order by created_at, no limit $1",
            limit,
        )
        return (found[0][0] if found else 0), [LiveRow(*tuple(row)[1:]) for row in found]
