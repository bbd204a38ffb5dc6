"""Recorded runs: the bytes on both wires and the states, as every client's tests read them."""

from __future__ import annotations

from typing import Any

import pytest
from oricode_protocol import codec, frames, sse
from oricode_protocol.events import EVENTS, Event
from protocol.recorded import recorded

RUNS = recorded("runs")


def typed(recorded_event: dict[str, Any]) -> Event:
    return EVENTS[recorded_event["event"]](**recorded_event["data"])


@pytest.mark.parametrize("name", RUNS)
def test_a_recorded_run_is_written_to_sse_byte_for_byte(name: str) -> None:
    golden = RUNS[name]
    wire = b""
    for number, event in enumerate(golden["events"]):
        retry = 1000 if number == 0 else None
        wire += sse.block(event["event"].encode(), codec.encode(typed(event)), event["id"].encode(), retry)
    assert wire.decode() == golden["sse"]


@pytest.mark.parametrize("name", RUNS)
def test_a_recorded_run_is_written_to_websocket_byte_for_byte(name: str) -> None:
    golden = RUNS[name]
    run = golden["run"].encode()
    sent = [
        frames.frame(e["event"].encode(), codec.encode(typed(e)), run, e["id"].encode()).decode()
        for e in golden["events"]
    ]
    assert sent == golden["frames"]


@pytest.mark.parametrize("name", RUNS)
def test_a_plain_line_reader_follows_a_recorded_run(name: str) -> None:
    """As PRODUCT.md's existing clients: line by line, remember ``event:``, act on ``data:``."""
    golden, name_now, seen = RUNS[name], "", []
    for line in golden["sse"].split("\n"):
        if line.startswith("event:"):
            name_now = line[6:].strip()
        elif line.startswith("data:"):
            seen.append((name_now, codec.loads(line[5:].strip())))
    assert seen == [(e["event"], e["data"]) for e in golden["events"]]
