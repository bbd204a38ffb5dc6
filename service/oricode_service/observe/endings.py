"""What counts as a timeout and as abandoned: one definition for metrics, report and dashboard (docs/operating.md)."""

from __future__ import annotations

LIMITS = {"time_limit": "time_limit", "upstream_timeout": "upstream"}
"""Error codes that are timeouts -> cause."""


def cause_of_timeout(arm: str, code: str | None, watched: bool) -> str | None:
    """Why a person got no answer in time; None when that did not happen.

    ``time_limit``: the run's own limit. ``upstream``: the model stayed silent for too long. ``connection``: the one
    HTTP request of the JSON arm was cut before its answer was ready. A stream that was cut is none: it is resumed.
    """
    if code in LIMITS:
        return LIMITS[code]
    return "connection" if arm == "json" and not watched else None


def is_abandoned(arm: str, watched: bool) -> bool:
    """Whether a streamed run ended while nobody watched; its answer waits in the log and in the chat."""
    return arm != "json" and not watched
