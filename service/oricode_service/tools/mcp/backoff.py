"""How long to wait before connecting again. In: the number of failures in a row. Out: seconds, spread at random."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """Doubles from ``first`` to ``most`` seconds; the wait is between half of that and all of it."""

    first: float = 1.0
    most: float = 60.0

    def seconds(self, failures: int) -> float:
        whole = min(self.most, self.first * 2.0 ** min(failures - 1, 30))
        return whole * random.uniform(0.5, 1.0)
