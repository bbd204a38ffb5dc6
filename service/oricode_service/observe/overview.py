"""The dashboard's numbers: both arms over time and live runs from the store, connections from this process.

In: the engine, the store, the counts of connections. Out: plain values for JSON; gauges for ``/metrics``.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from oricode_protocol import codec

from ..access.connections import Connections
from ..engine.runs import Engine
from ..store.port import Store
from ..store.rows import LiveRow, ReportRow
from ..transports.streams import Streams
from .report import by_arm, by_time, ended

DAY_MS = 86_400_000
SLICES = 84
"""Points of a plot: a week by two hours."""
MOST_LIVE = 200


class Overview:
    """See the module."""

    def __init__(
        self,
        engine: Engine,
        store: Store,
        streams: Streams,
        connections: Connections,
        cuts: Callable[[], Mapping[str, int]],
    ) -> None:
        self._engine = engine
        self._store = store
        self._streams = streams
        self._connections = connections
        self._cuts = cuts
        self._started = time.time_ns() // 1_000_000

    def gauges(self) -> dict[str, float]:
        """Numbers of now, by metric name without its prefix."""
        held = self._engine.live
        kinds = self._connections.open_by_transport
        return {
            "runs_live": len(held),
            "runs_unwatched": sum(run.viewers <= 0 for run in held),
            "streams_open": self._streams.open,
            "connections_open": self._connections.open,
            "connections_http": kinds["http"],
            "connections_websocket": kinds["websocket"],
            "store_unavailable": float(self._engine.ports.logs.commit.unavailable_since is not None),
        }

    async def of_days(self, days: int) -> dict[str, Any]:
        """The dashboard's document."""
        until = self._engine.ports.now()
        since = until - days * DAY_MS
        rows = await self._store.reports.runs(since, until)
        past = await asyncio.to_thread(_past, rows, since, until)
        live_total, live = await self._store.reports.live(MOST_LIVE)
        own = {run.row.id for run in self._engine.live}
        elsewhere = [row for row in live if row.id not in own]
        return past | {
            "now": until,
            "since": since,
            "started_at": self._started,
            "live": self._live(until) + [_elsewhere(row, until) for row in elsewhere],
            "live_total": live_total,
            "connections": {name: int(value) for name, value in self.gauges().items()},
            "cuts": dict(self._cuts()),
        }

    def _live(self, now: int) -> list[dict[str, Any]]:
        runs = sorted(self._engine.live, key=lambda run: run.row.created_at)[:MOST_LIVE]
        logs = self._engine.ports.logs
        return [
            {
                "run_id": run.row.id,
                "user": run.row.user,
                "transport": run.labels.get("transport"),
                "arm": run.labels.get("arm"),
                "client_type": run.labels.get("client_type"),
                "model": run.labels.get("model"),
                "doing": run.doing,
                "for_ms": max(0, now - run.row.created_at),
                "quiet_ms": max(0, int((time.monotonic() - logs.log(run.row).changed_at) * 1000)),
                "viewers": run.viewers,
            }
            for run in runs
        ]


def _elsewhere(row: LiveRow, now: int) -> dict[str, Any]:
    """A run of another process, which alone knows the rest."""
    labels = codec.loads(row.labels)
    return {
        "run_id": row.id,
        "user": row.user,
        **{name: labels.get(name) for name in ("transport", "arm", "client_type", "model")},
        "doing": "queued" if row.status == "queued" else "elsewhere",
        "for_ms": max(0, now - row.created_at),
        "quiet_ms": None,
        "viewers": None,
    }


def _past(rows: list[ReportRow], since: int, until: int) -> dict[str, Any]:
    runs = ended(rows)
    step = max(1, (until - since) // SLICES)
    codes = Counter(run.code for run in runs if run.code is not None)
    recent = [run for run in runs if run.code is not None][-20:]
    return {
        "arms": {arm: found.as_json() for arm, found in by_arm(runs).items()},
        "series": by_time(runs, since, since + SLICES * step, step),
        "errors": [{"code": code, "count": count} for code, count in codes.most_common(12)],
        "recent_errors": [{"at": r.at, "code": r.code, "arm": r.arm} for r in reversed(recent)],
        "unfinished": len(rows) - len(runs),
    }
