"""How many requests a key may make in a time.

In: a rate as text (``120/minute``, ``off``) and key ids. Out: a :class:`Verdict` with the headers to send; nothing is
raised, the caller answers. The arithmetic is the ``limits`` library's fixed window, which starts at a key's first
request and needs one number per key: a burst over the end of a window may reach twice the limit. Counts live behind
:class:`limits.aio.storage.Storage`; :class:`MemoryCounts` keeps them in this process, a shared store does the same.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import limits
from limits.aio.storage import Storage
from limits.aio.strategies import FixedWindowRateLimiter

OFF = "off"
POLICY = "runs"
"""Name of the quota in the ``RateLimit`` headers."""
_FEW = 10_000
"""Below this many windows, ended ones are left lying."""


def parse_rate(text: str) -> limits.RateLimitItem | None:
    """The rate that ``text`` spells; None = no limit. Raises ValueError for anything else."""
    if text.strip().lower() == OFF:
        return None
    try:
        rate = limits.parse(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a rate; write for example 120/minute, 5 per 10 second, or off") from None
    if rate.amount < 1:
        raise ValueError("a rate must allow at least one request; write off for no limit")
    return rate


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer for one request."""

    allowed: bool
    limit: int
    """Requests per window."""
    window: int
    """Seconds."""
    remaining: int
    resets_in: float
    """Seconds until the window ends."""

    @property
    def retry_after(self) -> int | None:
        """Whole seconds to wait; None when the request was allowed."""
        return None if self.allowed else max(1, math.ceil(self.resets_in))

    def headers(self) -> dict[str, str]:
        """``RateLimit`` and ``RateLimit-Policy`` (draft-ietf-httpapi-ratelimit-headers-10), and ``Retry-After``."""
        fields = {
            "RateLimit-Policy": f'"{POLICY}";q={self.limit};w={self.window}',
            "RateLimit": f'"{POLICY}";r={self.remaining};t={max(0, math.ceil(self.resets_in))}',
        }
        if self.retry_after is not None:
            fields["Retry-After"] = str(self.retry_after)
        return fields


class RateLimit:
    """One rate, counted separately for every key."""

    def __init__(
        self, rate: limits.RateLimitItem | None, counts: Storage | None = None, clock: Callable[[], float] = time.time
    ) -> None:
        """``counts`` None: in this process's memory. ``clock``: seconds since the epoch, that of ``counts``."""
        self._rate = rate
        self._clock = clock
        self._windows = FixedWindowRateLimiter(counts or MemoryCounts(clock))

    async def hit(self, key_id: str) -> Verdict | None:
        """Count a request of this key; None when there is no limit. A refused request counts too."""
        if self._rate is None:
            return None
        allowed = await self._windows.hit(self._rate, key_id)
        reset, remaining = await self._windows.get_window_stats(self._rate, key_id)
        return Verdict(allowed, self._rate.amount, self._rate.get_expiry(), remaining, reset - self._clock())


class MemoryCounts(Storage):
    """Counts of this process. The library's own memory store starts a thread and visits every key at each hit."""

    STORAGE_SCHEME = None

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        super().__init__()
        self._clock = clock
        self._windows: dict[str, tuple[int, float]] = {}
        """Key -> (count, end of its window)."""
        self._sweep_at = _FEW

    @property
    def base_exceptions(self) -> type[Exception]:
        """Of the medium; memory has none that the library should wrap."""
        return OSError

    async def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        now = self._clock()
        count, end = self._windows.get(key, (0, 0.0))
        if end <= now:
            self._sweep(now)
            count, end = 0, now + expiry
        self._windows[key] = (count + amount, end)
        return count + amount

    async def get(self, key: str) -> int:
        count, end = self._windows.get(key, (0, 0.0))
        return count if end > self._clock() else 0

    async def get_expiry(self, key: str) -> float:
        return max(self._windows.get(key, (0, 0.0))[1], self._clock())

    async def check(self) -> bool:
        return True

    async def reset(self) -> int:
        held = len(self._windows)
        self._windows.clear()
        return held

    async def clear(self, key: str) -> None:
        self._windows.pop(key, None)

    def _sweep(self, now: float) -> None:
        """Forget ended windows whenever their number has doubled: constant cost per window."""
        if len(self._windows) >= self._sweep_at:
            self._windows = {key: window for key, window in self._windows.items() if window[1] > now}
            self._sweep_at = max(_FEW, 2 * len(self._windows))
