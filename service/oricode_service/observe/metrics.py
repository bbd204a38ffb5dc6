"""What ``/metrics`` shows: counters fed by the engine's observer, gauges read when somebody asks.

In: the calls of :class:`~..engine.observer.Observer`, the group commit's hook, and at each scrape the parts that know
their own numbers. Out: the Prometheus text format. Nothing here runs per event: a run is counted when it starts and
when it ends, its silences once a flush (:mod:`..log.gaps`). Labels come from fixed sets, whatever clients send, so that
no client can grow the number of series.
``docs/operating.md`` says what each number means and what counts as a timeout.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import accumulate

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.gc_collector import GCCollector
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.utils import floatToGoString

from ..engine.observer import Observer, RunEnd
from ..log.gaps import BOUNDS, Gaps
from .endings import cause_of_timeout, is_abandoned
from .labels import client_type, token_kind, tool_name

CONTENT_TYPE = CONTENT_TYPE_LATEST
_RUN = ("transport", "arm", "client_type")
_RUN_SECONDS = (1, 2, 5, 10, 20, 30, 60, 120, 180, 300, 600, 1200, 3600, 7200, 21600)
_FIRST_SECONDS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 60)
_COMMIT_SECONDS = (0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 5)
_COMMIT_EVENTS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 5000)


class Metrics(Observer):
    """One per process, with a registry of its own."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        GCCollector(registry=self._registry)
        self._started = self._counter("runs_started", "Runs started.", *_RUN)
        self._ended = self._counter("runs_ended", "Runs that reached their terminal event.", *_RUN, "status")
        self._errors = self._counter("run_errors", "Runs that failed, by code of the error table.", "arm", "code")
        self._timeouts = self._counter("run_timeouts", "Runs whose answer was lost to time.", "arm", "cause")
        self._abandoned = self._counter("runs_abandoned", "Runs that ended while nobody watched.", "transport", "arm")
        self._taken_over = self._counter("runs_taken_over", "Runs that this process took over from another.")
        self._seconds = self._histogram(
            "run_duration_seconds", "From request to terminal event.", _RUN_SECONDS, "transport", "arm", "status"
        )
        self._first = self._histogram(
            "run_first_token_seconds", "From request to the model's first output.", _FIRST_SECONDS, "transport", "arm"
        )
        self._tokens = self._counter("tokens", "Tokens of ended runs.", "arm", "kind")
        self._retries = self._counter("upstream_retries", "Model calls that were tried again.", "arm", "code")
        self._tools = self._histogram(
            "tool_duration_seconds", "Tool calls by outcome.", _RUN_SECONDS, "arm", "tool", "runs", "status"
        )
        self._resumes = self._counter("resumes", "Viewers that came back, by answer.", "transport", "answer")
        self._reconnects = self._counter("reconnects", "Streams that were asked to reconnect.", "reason")
        self._beats = self._counter("heartbeats", "Heartbeats sent, by the state they name.", "state")
        self._commit_seconds = self._histogram("commit_seconds", "One group commit.", _COMMIT_SECONDS)
        self._commit_events = self._histogram("commit_events", "Events in one group commit.", _COMMIT_EVENTS)

    def _counter(self, name: str, meaning: str, *labels: str) -> Counter:
        return Counter(f"oricode_{name}", meaning, labels, registry=self._registry)

    def _histogram(self, name: str, meaning: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        return Histogram(f"oricode_{name}", meaning, labels, registry=self._registry, buckets=buckets)

    def watch(
        self, gauges: Callable[[], Mapping[str, float]], cuts: Callable[[], Mapping[str, int]], gaps: Gaps
    ) -> None:
        """Ask these at each scrape: numbers of now by metric name, cut connections by reason, silences of runs."""
        self._registry.register(_Now(gauges, cuts, gaps))

    def text(self) -> bytes:
        """The page."""
        return generate_latest(self._registry)

    # The observer.

    def run_started(self, labels: Mapping[str, str]) -> None:
        self._started.labels(*_of_run(labels)).inc()

    def run_ended(self, end: RunEnd) -> None:
        transport, arm, client = _of_run(end.labels)
        self._ended.labels(transport, arm, client, end.status).inc()
        self._seconds.labels(transport, arm, end.status).observe(end.seconds)
        if end.first_token_seconds is not None:
            self._first.labels(transport, arm).observe(end.first_token_seconds)
        if end.code is not None:
            self._errors.labels(arm, end.code).inc()
        if (cause := cause_of_timeout(arm, end.code, end.watched)) is not None:
            self._timeouts.labels(arm, cause).inc()
        for name, count in end.usage.items():
            self._tokens.labels(arm, token_kind(name)).inc(count)

    def run_unwatched(self, labels: Mapping[str, str]) -> None:
        transport, arm, _ = _of_run(labels)
        if is_abandoned(arm, watched=False):
            self._abandoned.labels(transport, arm).inc()

    def run_taken_over(self) -> None:
        self._taken_over.inc()

    def retried(self, code: str, arm: str) -> None:
        self._retries.labels(arm, code).inc()

    def tool_ended(self, name: str, runs: str, status: str, seconds: float, arm: str) -> None:
        self._tools.labels(arm, tool_name(name, runs), runs, status).observe(seconds)

    def resumed(self, answer: str, transport: str) -> None:
        self._resumes.labels(transport, answer).inc()

    def sent_away(self, reason: str) -> None:
        self._reconnects.labels(reason).inc()

    def beat(self, state: str) -> None:
        self._beats.labels(state).inc()

    # The group commit's hook.

    def committed(self, events: int, seconds: float) -> None:
        """A flush is done."""
        self._commit_events.observe(events)
        self._commit_seconds.observe(seconds)


class _Now:
    """Numbers that are read when asked for."""

    def __init__(
        self, gauges: Callable[[], Mapping[str, float]], cuts: Callable[[], Mapping[str, int]], gaps: Gaps
    ) -> None:
        self._gauges = gauges
        self._cuts = cuts
        self._gaps = gaps

    def collect(self) -> Iterable[Metric]:
        """The registry's call."""
        for name, value in self._gauges().items():
            yield GaugeMetricFamily(f"oricode_{name}", name.replace("_", " ").capitalize() + ".", value)
        cuts = CounterMetricFamily("oricode_connections_cut", "Connections refused or dropped.", labels=["reason"])
        for reason, count in self._cuts().items():
            cuts.add_metric([reason], count)
        yield cuts
        ends = [*map(floatToGoString, BOUNDS), "+Inf"]
        upto = list(zip(ends, accumulate(self._gaps.counts), strict=True))
        meaning = "Silences between two moments at which something of a run became visible."
        yield HistogramMetricFamily("oricode_event_gap_seconds", meaning, upto, self._gaps.seconds)


def _of_run(labels: Mapping[str, str]) -> tuple[str, str, str]:
    return labels["transport"], labels["arm"], client_type(labels.get("client_type"))
