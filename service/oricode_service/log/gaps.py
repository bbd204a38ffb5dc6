"""How long runs were silent between two moments at which something of them became visible.

In: seconds, one number a run and flush, however many events that flush held; events that become visible together have
no gap between them. Out: counts by length, for metrics. Costs a tenth of a microsecond a flush.
"""

from __future__ import annotations

from bisect import bisect_left

BOUNDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 30, 60, 300)
"""Seconds; the upper ends of the classes, the last class has none."""


class Gaps:
    """One per process."""

    __slots__ = ("counts", "seconds")

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS) + 1)
        """Gaps by class, not cumulative."""
        self.seconds = 0.0
        """All of them together."""

    def add(self, seconds: float) -> None:
        """Count a gap."""
        self.counts[bisect_left(BOUNDS, seconds)] += 1
        self.seconds += seconds
