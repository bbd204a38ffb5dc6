"""The budget of the performance work, judged from what was measured: a row a measure, with what it must be and is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from .measures.fanout import BATCH_MS, ONE_VIEWER, VIEWERS
from .measures.growth import LOG, RUNS
from .measures.scene import Results
from .peers.menu import BASE, OURS, WEBSOCKET
from .table import figure, number

Found = Mapping[str, Results]


class Row(NamedTuple):
    """A line of the budget."""

    what: str
    must: float
    aim: float | None
    value: Callable[[Found], float | None]
    unit: str = "×"
    at_least: bool = False


def ratio(measure: str, key: str, name: str, base: str) -> Callable[[Found], float | None]:
    """One row of a table by another."""

    def value(found: Found) -> float | None:
        results = found.get(measure, {})
        above, below = figure(results, name, key), figure(results, base, key)
        return above / below if above is not None and below else None

    return value


def plain(measure: str, key: str, name: str = OURS) -> Callable[[Found], float | None]:
    """A figure as it was measured."""
    return lambda found: figure(found.get(measure, {}), name, key)


def _fan_out(found: Found) -> float | None:
    event, delivered = plain("paced", "us")(found), plain("fanout", "us", "SSE")(found)
    return delivered / event if event and delivered is not None else None


def _for_viewers(found: Found) -> float | None:
    delivered, run = _COALESCED(found), plain("fanout", "us", ONE_VIEWER)(found)
    return delivered - run / VIEWERS if delivered is not None and run is not None else None


_COALESCED = plain("fanout", "us", f"SSE, batch_ms={BATCH_MS}")
_PYTHON = "sse-starlette"
_LAST_RUNS, _LAST_LOG = "1,000 runs", "log of 900,000 to 1,000,000"
ROWS = (
    Row("CPU per event, burst, 64 streams, × Express", 0.5, 0.33, ratio("burst", "us", OURS, BASE)),
    Row("… over WebSocket", 0.5, 0.33, ratio("burst", "us", WEBSOCKET, BASE)),
    Row("CPU per event, paced, 100 × 50/s, × Express", 1.0, 0.65, ratio("paced", "us", OURS, BASE)),
    Row("… over WebSocket", 1.0, 0.65, ratio("paced", "us", WEBSOCKET, BASE)),
    Row("CPU per event, burst, × sse-starlette", 0.08, None, ratio("burst", "us", OURS, _PYTHON)),
    Row("CPU per event, paced, × sse-starlette", 0.4, None, ratio("paced", "us", OURS, _PYTHON)),
    Row("500 × 50/s on one core, delivered, × Express", 1.0, None, ratio("many", "rate", OURS, BASE), "×", True),
    Row("added latency p50, 100 × 50/s", 3, 1, plain("paced", "p50_ms"), "ms"),
    Row("added latency p99, 100 × 50/s", 10, 3, plain("paced", "p99_ms"), "ms"),
    Row("memory per waiting stream, SSE, × Express", 0.65, 0.4, ratio("waiting", "kb", OURS, BASE)),
    Row("… WebSocket, × Express", 0.65, 0.4, ratio("waiting", "kb", WEBSOCKET, BASE)),
    Row("CPU per heartbeat, 1,000 streams, × Express", 0.8, 0.55, ratio("waiting", "beat_us", OURS, BASE)),
    Row("replay of 100,000 events", 300_000, None, plain("replay", "rate", "SSE"), "events/s", True),
    Row("fan-out to 200, per delivered event, × a paced event", 0.6, None, _fan_out),
    Row("fan-out, coalesced", 3, None, _COALESCED, "µs"),
    Row("… without the run itself", 3, None, _for_viewers, "µs"),
    Row("growth, 1,000 runs × 10 runs", 1.25, None, ratio(RUNS.name, "us", _LAST_RUNS, RUNS.base)),
    Row("growth, log of 1,000,000 × of 1,000", 1.25, None, ratio(LOG.name, "us", _LAST_LOG, LOG.base)),
)


def lines(found: Found) -> Iterator[str]:
    """The budget in Markdown; rows that were not measured are left out."""
    yield "## Budget"
    yield ""
    yield "| measure | must | aim | here | |"
    yield "| --- | ---: | ---: | ---: | --- |"
    for row in ROWS:
        if (value := row.value(found)) is not None:
            sign = "≥" if row.at_least else "≤"
            aim = "" if row.aim is None else f"{sign} {row.aim:g} {row.unit}"
            must = f"{sign} {row.must:,g} {row.unit}"
            yield f"| {row.what} | {must} | {aim} | {number(value)} {row.unit} | {verdict(row, value)} |"


def verdict(row: Row, value: float) -> str:
    """In a word."""

    def meets(limit: float) -> bool:
        return value >= limit if row.at_least else value <= limit

    if row.aim is not None and meets(row.aim):
        return "aim"
    return "met" if meets(row.must) else "MISSED"
