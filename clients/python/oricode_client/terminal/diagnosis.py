"""What a path between client and service does to streams, judged from what was observed. No I/O, no clock.

In: connections with the times at which something arrived, and how they ended. Out: how long bytes were held back, after
which silence and at which age connections were cut, and the heartbeat that survives it.

Two runs are watched: a *busy* one, which says a numbered piece at a steady rate (so that each piece has a due time),
and a *quiet* one, on which only heartbeats arrive.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

_SMOOTH = 1.0
"""Pieces that come less than this many seconds late show no buffering."""
_LATE = 1.2
"""A heartbeat may come this much later than promised."""
_SAME = 0.1
"""Silences (or ages) that differ by less than this share count as equal."""


@dataclass
class Observed:
    """One connection; times in seconds since it was opened."""

    path: str
    """``SSE``, ``WebSocket`` or ``JSON``."""
    busy: bool
    arrivals: list[float] = field(default_factory=list)
    """When anything came."""
    lags: list[float] = field(default_factory=list)
    """Busy: how long after its due time each piece came, by clocks that need not agree (only differences count)."""
    age: float = 0.0
    """How long the connection lasted, or has lasted so far."""
    cut: bool = False
    """It ended although the run had not."""

    @property
    def silence(self) -> float:
        """Seconds without a byte before its end."""
        return self.age - (self.arrivals[-1] if self.arrivals else 0.0)

    @property
    def ended_silence(self) -> float:
        """The longest silence that a byte ended: proof that the path bears it."""
        return max((later - earlier for earlier, later in pairwise([0.0, *self.arrivals])), default=0.0)

    @property
    def longest_silence(self) -> float:
        """The longest silence it lived through, the one it is still in included."""
        return max(self.ended_silence, 0.0 if self.cut else self.silence)


@dataclass(frozen=True)
class Verdict:
    """What one path does."""

    path: str
    held_back: float | None
    """Seconds by which the most delayed piece came late; 0 when pieces flow, None where there are no pieces."""
    swallowed: bool
    """Longer silences were seen than the service keeps: the path holds bytes until the end of the answer."""
    idle_cut: float | None
    """Silence in seconds after which connections are cut; None when none was."""
    total_cap: float | None
    """Age in seconds at which connections are cut although bytes flow; None when none was."""
    survived_silence: float
    watched: float
    """How long the longest-lived connection was watched."""


def judge(path: str, observed: Sequence[Observed], heartbeat: float) -> Verdict:
    """The verdict over all connections of one path; ``heartbeat`` is the service's interval in seconds."""
    bearable = heartbeat * _LATE + _SMOOTH
    lags = [max(o.lags) - min(o.lags) for o in observed if len(o.lags) > 1]
    worst = max(lags, default=0.0)
    cuts = [o for o in observed if o.cut]
    capped = [o for o in cuts if _is_cap(o, observed)]
    idle = [o.silence for o in cuts if o not in capped and o.silence <= bearable]
    return Verdict(
        path=path,
        held_back=None if not lags else worst if worst >= _SMOOTH else 0.0,
        swallowed=any(o.silence > bearable or o.ended_silence > bearable for o in observed),
        idle_cut=min(idle) if idle else None,
        total_cap=min(o.age for o in capped) if capped else None,
        survived_silence=max((o.longest_silence for o in observed), default=0.0),
        watched=max((o.age for o in observed), default=0.0),
    )


def _is_cap(cut: Observed, observed: Sequence[Observed]) -> bool:
    """Whether ``cut`` was for its age: bytes had flowed shortly before, or as long a silence was survived elsewhere.

    A quiet connection cut at the age at which a busy one was cut too was capped as well.
    """
    if cut.busy or any(o.ended_silence > cut.silence * (1 - _SAME) for o in observed):
        return True
    return any(o.busy and o.cut and abs(o.age - cut.age) < _SAME * cut.age for o in observed)


def recommend(verdicts: Sequence[Verdict], heartbeat: float) -> tuple[float, str]:
    """(heartbeat interval in seconds, why); ``heartbeat`` is the service's present one."""
    idle = [v for v in verdicts if v.idle_cut is not None]
    if idle:
        worst = min(idle, key=lambda v: v.idle_cut or 0.0)
        assert worst.idle_cut is not None
        half = worst.idle_cut / 2
        interval = float(int(half)) if half >= 2 else round(half, 1)
        return min(
            heartbeat, interval
        ), f"{worst.path} is cut after {worst.idle_cut:.1f} s of silence; half of that is safe"
    if any(v.swallowed for v in verdicts):
        return heartbeat, "no interval helps where nothing comes through; see above"
    return heartbeat, f"nothing was cut at the present {heartbeat:g} s"


def advice(verdict: Verdict) -> list[str]:
    """What an operator can do about it."""
    lines = []
    if verdict.swallowed and not verdict.held_back:
        lines.append(f"{verdict.path}: turn off response buffering on the way, or use another transport.")
    elif verdict.held_back:
        lines.append(
            f"{verdict.path}: something buffers. nginx: proxy_buffering off; others: no compression, flush at once."
        )
    if verdict.total_cap is not None:
        lines.append(
            f"{verdict.path}: connections end at an age of {verdict.total_cap:.0f} s whatever flows. Clients resume by"
            f" themselves; ORICODE_MAX_CONNECTION_AGE_SECONDS={max(1, int(verdict.total_cap * 0.8))} makes it orderly."
        )
    return lines
