"""How long to wait between tries, and when to stop trying. No clock and no I/O of its own.

In: that a try failed, what the server asked for, what time it is. Out: seconds to wait, or None: give up.
The jitter is full (anything between 0 and the ceiling), so that clients cut off together do not return together; what
the server asked for (``retry``, ``Retry-After``) is a floor under it.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pace:
    """The rules; all times in seconds."""

    base: float = 0.5
    """Ceiling of the first wait; doubles with each failure."""
    cap: float = 30.0
    """Ceiling of any wait that the server did not ask for."""
    patience: float = 300.0
    """How long the service may stay out of reach before a run's reader gives up; ``math.inf`` = never."""
    start_patience: float = 30.0
    """The same, for starting a run and for commands: somebody waits for the answer."""
    jitter: Callable[[], float] = random.random
    """A number in [0, 1)."""


class Backoff:
    """The tries of one run."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self.patience = pace.start_patience
        self._failing_since: float | None = None
        self.attempt = 0
        """Failed tries since the last success."""

    def reached(self) -> None:
        """The service answered: it is not out of reach, and what was started may take its time."""
        self._failing_since = None
        self.patience = self._pace.patience

    def succeeded(self) -> None:
        """An event arrived, or the connection held for a while: the next failure is the first one again."""
        self.attempt = 0
        self.reached()

    def failed(self, now: float, floor: float = 0.0) -> float | None:
        """Seconds to wait before the next try; None when patience would run out before it.

        ``now`` is a monotonic time in seconds, ``floor`` what the server asked for.
        """
        if self._failing_since is None:
            self._failing_since = now
        ceiling = min(self._pace.cap, self._pace.base * 2 ** min(self.attempt, 32))
        self.attempt += 1
        delay = floor + self._pace.jitter() * ceiling
        return delay if now + delay - self._failing_since <= self.patience else None
