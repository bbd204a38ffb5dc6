"""The numbers of ``/metrics``, by calling what the engine calls, and as the real service shows them."""

import time

import httpx
import pytest
from clients.real_service import RealService
from oricode_service.engine.observer import RunEnd
from oricode_service.log.gaps import Gaps
from oricode_service.observe.metrics import Metrics
from prometheus_client.parser import text_string_to_metric_families

RUN = {"transport": "sse", "arm": "streaming", "client_type": "eclipse", "model": "demo"}


def samples(page: str) -> dict[tuple[str, frozenset], float]:
    """Every sample, read by the library's own parser."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    }


def value(metrics: Metrics | str, name: str, **labels: str) -> float:
    page = metrics if isinstance(metrics, str) else metrics.text().decode()
    return samples(page).get((name, frozenset(labels.items())), 0)


def end(**changes) -> RunEnd:
    known = {"labels": RUN, "status": "completed", "code": None, "seconds": 3.0, "first_token_seconds": 0.4}
    return RunEnd(**(known | {"watched": True, "usage": {"output_tokens": 7}} | changes))


def test_a_run_is_counted_when_it_ends_with_its_labels_duration_and_tokens():
    metrics = Metrics()
    metrics.run_started(RUN)
    metrics.run_ended(end())
    labels = {"transport": "sse", "arm": "streaming", "client_type": "eclipse"}
    assert value(metrics, "oricode_runs_started_total", **labels) == 1
    assert value(metrics, "oricode_runs_ended_total", **labels, status="completed") == 1
    assert value(metrics, "oricode_run_duration_seconds_sum", transport="sse", arm="streaming", status="completed") == 3
    assert value(metrics, "oricode_run_first_token_seconds_count", transport="sse", arm="streaming") == 1
    assert value(metrics, "oricode_tokens_total", arm="streaming", kind="output") == 7


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        ({"status": "failed", "code": "time_limit"}, "time_limit"),
        ({"status": "failed", "code": "upstream_timeout"}, "upstream"),
        ({"labels": RUN | {"transport": "json", "arm": "json"}, "watched": False}, "connection"),
        ({"watched": False}, None),
        ({"status": "failed", "code": "upstream_overloaded"}, None),
        ({"labels": RUN | {"transport": "json", "arm": "json"}}, None),
    ],
)
def test_a_timeout_is_what_the_docs_call_one(change, cause):
    metrics = Metrics()
    ended = end(**change)
    metrics.run_ended(ended)
    arm = ended.labels["arm"]
    counted = {
        name: value(metrics, "oricode_run_timeouts_total", arm=arm, cause=name)
        for name in ("time_limit", "upstream", "connection")
    }
    assert {name for name, count in counted.items() if count} == ({cause} if cause else set())


def test_a_stream_that_ended_unwatched_is_abandoned_and_no_timeout():
    metrics = Metrics()
    metrics.run_ended(end(watched=False))
    metrics.run_unwatched(RUN)
    metrics.run_unwatched(RUN | {"transport": "json", "arm": "json"})
    assert value(metrics, "oricode_runs_abandoned_total", transport="sse", arm="streaming") == 1
    assert value(metrics, "oricode_runs_abandoned_total", transport="json", arm="json") == 0


def test_whatever_clients_and_models_say_adds_no_series_without_bound():
    metrics = Metrics()
    for number in range(500):
        odd = RUN | {"client_type": f"client {number}"}
        metrics.run_started(odd)
        metrics.run_ended(end(labels=odd, usage={f"tokens_{number}": 1}))
        metrics.tool_ended(f"tool_{number}", "mcp", "ok", 0.1, "streaming")
        metrics.tool_ended(f"invented_{number}", "server", "error", 0.1, "json")
    page = metrics.text().decode()
    assert len(page.splitlines()) < 300
    assert "client 7" not in page
    assert (
        value(page, "oricode_tool_duration_seconds_count", arm="streaming", tool="mcp", runs="mcp", status="ok") == 500
    )


def test_silences_are_a_histogram_over_flushes():
    gaps = Gaps()
    metrics = Metrics()
    metrics.watch(dict, dict, gaps)
    for seconds in (0.003, 0.01, 0.2, 1000):
        gaps.add(seconds)
    counts = {le: value(metrics, "oricode_event_gap_seconds_bucket", le=le) for le in ("0.01", "0.1", "0.25", "+Inf")}
    assert counts == {"0.01": 2, "0.1": 2, "0.25": 3, "+Inf": 4}
    assert value(metrics, "oricode_event_gap_seconds_count") == 4
    assert value(metrics, "oricode_event_gap_seconds_sum") == pytest.approx(1000.213)


def test_counting_a_silence_costs_a_fraction_of_a_microsecond():
    """Processor time, the best of several rounds; the bound is ten times what was measured."""
    gaps, rounds = Gaps(), []
    for _ in range(7):
        began = time.thread_time_ns()
        for _ in range(20_000):
            gaps.add(0.02)
        rounds.append((time.thread_time_ns() - began) / 20_000)
    assert min(rounds) < 1000


def test_two_of_them_in_one_process_do_not_know_each_other():
    one, other = Metrics(), Metrics()
    one.run_started(RUN)
    assert 'client_type="eclipse"' not in other.text().decode()


async def test_the_service_shows_what_happened_in_it(tmp_path):
    async with RealService(tmp_path) as service:
        async with httpx.AsyncClient(base_url=service.url, headers={"X-API-Key": service.key}, timeout=30) as http:
            body = {"prompt": "hello metrics", "model": "echo", "client_type": "vscode"}
            streamed = await http.post("/api/chat", json=body | {"stream": True})
            assert "event: done" in streamed.text
            assert (await http.post("/api/chat", json=body)).json()["status"] == "completed"
            last = [line[4:] for line in streamed.text.splitlines() if line.startswith("id: ")][-2]
            await http.get(f"/api/runs/{last.split('.')[0]}/events", headers={"Last-Event-ID": last})
            page = (await http.get("/metrics")).text
    for transport, arm in (("sse", "streaming"), ("json", "json")):
        labels = {"transport": transport, "arm": arm, "client_type": "vscode", "status": "completed"}
        assert value(page, "oricode_runs_ended_total", **labels) == 1
    assert value(page, "oricode_resumes_total", transport="sse", answer="replay") == 1
    assert value(page, "oricode_commit_seconds_count") > 0
    assert value(page, "process_resident_memory_bytes") > 0
    assert "hello metrics" not in page


async def test_metrics_need_no_key_on_this_machine_and_an_administrators_behind_a_proxy(tmp_path):
    async with RealService(tmp_path) as service, httpx.AsyncClient(base_url=service.url, timeout=30) as http:
        proxied = {"X-Forwarded-For": "203.0.113.9"}
        assert (await http.get("/metrics")).status_code == 200
        assert (await http.get("/metrics", headers=proxied)).status_code == 401
        assert (await http.get("/metrics", headers=proxied | {"X-API-Key": service.key})).status_code == 200
