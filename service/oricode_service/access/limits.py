"""How many requests a key may make in a time.

In: a rate as text (``120/minute``, ``off``) and key ids. Out: a :class:`Verdict` with the headers to send; nothing is
raised, the caller answers. A window starts at a key's first request and needs one number per key: a burst over the end
of a window may reach twice the limit. :class:`MemoryCounts` keeps the numbers in this process, a shared store does the
same for all. (A library for this was a tenth of the service's start, and four packages, for these few lines.)
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable
from dataclasses import dataclass

from ..store.port import Counts

OFF = "off"
POLICY = "runs"
"""Name of the quota in the ``RateLimit`` headers."""
_FEW = 10_000
"""Below this many windows, ended ones are left lying."""
_DAY = 86_400
_SECONDS = {"second": 1, "minute": 60, "hour": 3_600, "day": _DAY, "month": 30 * _DAY, "year": 360 * _DAY}
_RATE = re.compile(rf"([0-9]+) *(?:/|per) *([1-9][0-9]*)? *({'|'.join(_SECONDS)})s?", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Rate:
    """So many requests in so many seconds."""

    amount: int
    seconds: int


def parse_rate(text: str) -> Rate | None:
    """The rate that ``text`` spells; None = no limit. Raises ValueError for anything else."""
    if text.strip().lower() == OFF:
        return None
    found = _RATE.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is not a rate; write for example 120/minute, 5 per 10 second, or off")
    amount, multiple, unit = found.groups()
    if int(amount) < 1:
        raise ValueError("a rate must allow at least one request; write off for no limit")
    return Rate(int(amount), int(multiple or 1) * _SECONDS[unit.lower()])


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

    def __init__(self, rate: Rate | None, counts: Counts | None = None, clock: Callable[[], float] = time.time) -> None:
        """``counts`` None: in this process's memory, by ``clock``, which gives seconds."""
        self._rate = rate
        self._counts = counts or MemoryCounts(clock)

    async def hit(self, key_id: str) -> Verdict | None:
        """Count a request of this key; None when there is no limit. A refused request counts too."""
        rate = self._rate
        if rate is None:
            return None
        count, left = await self._counts.count(f"{key_id}/{rate.amount}/{rate.seconds}", rate.seconds)
        return Verdict(count <= rate.amount, rate.amount, rate.seconds, max(0, rate.amount - count), left)


class MemoryCounts:
    """Counts of this process."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._windows: dict[str, tuple[int, float]] = {}
        """Key -> (count, end of its window)."""
        self._sweep_at = _FEW

    async def count(self, key: str, seconds: int) -> tuple[int, float]:
        """See :meth:`oricode_service.store.port.Counts.count`."""
        now = self._clock()
        count, end = self._windows.get(key, (0, 0.0))
        if end <= now:
            self._sweep(now)
            count, end = 0, now + seconds
        self._windows[key] = (count + 1, end)
        return count + 1, end - now

    def _sweep(self, now: float) -> None:
        """Forget ended windows whenever their number has doubled: constant cost per window."""
        if len(self._windows) >= self._sweep_at:
            self._windows = {key: window for key, window in self._windows.items() if window[1] > now}
            self._sweep_at = max(_FEW, 2 * len(self._windows))
