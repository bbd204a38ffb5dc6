"""Rate-limit windows that all processes share: one table. They begin and end on the database's clock."""

from __future__ import annotations

from .connections import Pool

_COUNT = """
insert into rate_window as w (key, count, ends_at)
values ($1, 1, clock_timestamp() + make_interval(secs => $2))
on conflict (key) do update set
    count = case when w.ends_at <= clock_timestamp() then 1 else w.count + 1 end,
    ends_at = case when w.ends_at <= clock_timestamp() then excluded.ends_at else w.ends_at end
returning count, extract(epoch from ends_at - clock_timestamp())::float8 as seconds_left
"""


class PostgresCounts:
    """Implements the port."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def count(self, key: str, seconds: int) -> tuple[int, float]:
        """See :meth:`oricode_service.store.port.Counts.count`."""
        (row,) = await self._pool.all(_COUNT, key, float(seconds))
        return row["count"], max(0.0, row["seconds_left"])
