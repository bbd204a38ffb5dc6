"""What an operator wants to know is in one scrape, with labels that tell the arms and transports apart."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from observe.scenario import Left
from prometheus_client.parser import text_string_to_metric_families

pytestmark = pytest.mark.asyncio(loop_scope="session")
PAGE = Path(__file__).parents[2] / "docs" / "operating.md"
RUN = {"transport": "sse", "arm": "streaming", "client_type": "vscode"}
JSON = {"transport": "json", "arm": "json", "client_type": "vscode"}
SCRAPED: list[tuple[str, str, dict[str, str], float]] = [
    ("runs by transport, arm, client type", "runs_started_total", RUN, 1),
    ("", "runs_started_total", RUN | {"transport": "websocket"}, 1),
    ("… and status", "runs_ended_total", JSON | {"status": "completed"}, 1),
    ("", "runs_ended_total", JSON | {"status": "failed"}, 2),
    ("duration", "run_duration_seconds_count", {"transport": "sse", "arm": "streaming", "status": "completed"}, 1),
    ("time to first token", "run_first_token_seconds_count", {"transport": "json", "arm": "json"}, 1),
    ("gap between events", "event_gap_seconds_count", {}, 30),
    ("", "event_gap_seconds_sum", {}, 0.5),
    ("heartbeats", "heartbeats_total", {"state": "model"}, 3),
    ("resumes by answer and transport", "resumes_total", {"transport": "sse", "answer": "replay"}, 1),
    ("", "resumes_total", {"transport": "sse", "answer": "gap"}, 1),
    ("", "resumes_total", {"transport": "sse", "answer": "ended"}, 1),
    ("", "resumes_total", {"transport": "websocket", "answer": "replay"}, 1),
    ("reconnects", "reconnects_total", {"reason": "key_revoked"}, 1),
    ("abandoned runs", "runs_abandoned_total", {"transport": "sse", "arm": "streaming"}, 1),
    ("timeouts by cause", "run_timeouts_total", {"arm": "json", "cause": "connection"}, 1),
    ("", "run_timeouts_total", {"arm": "json", "cause": "upstream"}, 1),
    ("errors", "run_errors_total", {"arm": "json", "code": "upstream_rejected"}, 1),
    ("retries upstream", "upstream_retries_total", {"arm": "json", "code": "upstream_overloaded"}, 1),
    ("tokens", "tokens_total", {"arm": "streaming", "kind": "output"}, 7),
    ("", "tokens_total", {"arm": "json", "kind": "input"}, 12),
    (
        "tool durations and outcomes", "tool_duration_seconds_count",
        {"arm": "streaming", "tool": "mcp_deploy_stored_code", "runs": "server", "status": "ok"}, 1,
    ),
    ("", "tool_duration_seconds_count", {"arm": "streaming", "tool": "client", "runs": "client", "status": "ok"}, 1),
    ("commit batch size", "commit_events_count", {}, 30),
    ("commit latency", "commit_seconds_count", {}, 30),
    ("open connections", "connections_open", {}, 0),
    ("", "connections_http", {}, 0),
    ("", "connections_websocket", {}, 0),
    ("", "streams_open", {}, 0),
    ("", "runs_live", {}, 0),
    ("", "runs_unwatched", {}, 0),
    ("", "store_unavailable", {}, 0),
]  # fmt: skip
"""What is wanted, its metric, its labels, the least it must be after the scenario. One without a word belongs above."""


def samples(page: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Every sample, read by the library's own parser."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    }


@pytest.mark.parametrize(("wanted", "name", "labels", "least"), SCRAPED)
async def test_the_scrape_tells(left: Left, wanted: str, name: str, labels: dict[str, str], least: float) -> None:
    found = samples(left.before)
    key = (f"oricode_{name}", frozenset(labels.items()))
    assert key in found, [other for other in found if other[0] == key[0]]
    assert found[key] >= least


async def test_memory_and_files_are_told(left: Left) -> None:
    found = samples(left.before)
    assert found["process_resident_memory_bytes", frozenset()] > 10_000_000
    assert found["process_open_fds", frozenset()] > 5


async def test_after_a_kill_the_next_process_counts_what_it_took_over(left: Left) -> None:
    found = samples(left.after)
    assert found["oricode_runs_taken_over_total", frozenset()] == 1


async def test_nothing_is_scraped_that_the_page_does_not_explain(left: Left) -> None:
    """And the table above leaves out no metric that the page names."""
    table = PAGE.read_text().partition("## Metrics")[2].partition("\n## ")[0]
    explained = set(re.findall(r"`([a-z_]+)\*?`", table))
    explained |= {name for name, _ in re.findall(r"`((connections)_)\*`", table)}
    kinds = dict(re.findall(r"^# TYPE oricode_(\S+) (\S+)$", left.before, re.MULTILINE))
    names = {name for name in kinds if not name.endswith("_created")}
    assert names - explained - {name for name in names if name.startswith("connections_")} == set()
    told = {name.removesuffix("_count").removesuffix("_sum") for _, name, _, _ in SCRAPED}
    assert names - told - {"runs_taken_over_total", "connections_cut_total"} == set()
