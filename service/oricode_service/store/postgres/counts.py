"""Rate-limit windows that all processes share: the ``limits`` library's storage over one table.

Windows begin and end on the database's clock; the ends this hands out are on the caller's, as the library expects.
"""

from __future__ import annotations

from collections.abc import Callable

from limits.aio.storage import Storage

from ..port import StoreUnavailable
from .connections import Pool

_INCR = """
insert into rate_window as w (key, count, ends_at)
values ($1, $2, clock_timestamp() + make_interval(secs => $3))
on conflict (key) do update set
    count = case when w.ends_at <= clock_timestamp() then 0 else w.count end + $2,
    ends_at = case when w.ends_at <= clock_timestamp() then excluded.ends_at else w.ends_at end
returning count
"""
_LEFT = "select extract(epoch from ends_at - clock_timestamp())::float8 from rate_window where key = $1"


class PostgresCounts(Storage):
    """``clock``: seconds since the epoch, as the caller counts them."""

    STORAGE_SCHEME = None

    def __init__(self, pool: Pool, clock: Callable[[], float]) -> None:
        super().__init__()
        self._pool = pool
        self._clock = clock

    @property
    def base_exceptions(self) -> type[Exception]:
        return StoreUnavailable

    async def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        count: int = await self._pool.value(_INCR, key, amount, float(expiry))
        return count

    async def get(self, key: str) -> int:
        sql = "select count from rate_window where key = $1 and ends_at > clock_timestamp()"
        count: int | None = await self._pool.value(sql, key)
        return count or 0

    async def get_expiry(self, key: str) -> float:
        left: float | None = await self._pool.value(_LEFT, key)
        return self._clock() + max(0.0, left or 0.0)

    async def check(self) -> bool:
        return bool(await self._pool.value("select true"))

    async def reset(self) -> int:
        return len(await self._pool.all("delete from rate_window returning key"))

    async def clear(self, key: str) -> None:
        await self._pool.value("delete from rate_window where key = $1", key)
