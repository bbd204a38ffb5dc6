"""The disk refuses, dawdles and heals under a live service: nothing is shown that is not saved, and everybody is told.

``make disk-faults`` in short. Times are not judged here, but for being far below the heartbeats' interval.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
from pathlib import Path

import pytest

from bench.faults import power
from bench.faults.wire import Message
from bench.goals import disk_faults
from bench.goals.witness import missing


@pytest.mark.skipif(not power.available(), reason="strace is not installed")
@pytest.mark.parametrize("sabotage", [None, "publish-before-commit"])
async def test_whatever_the_disk_does_what_was_seen_is_saved(
    sabotage: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk_faults, "TOLD_WITHIN", 10.0)
    monkeypatch.setattr(disk_faults, "RED_WITHIN", 10.0)
    outcome = await asyncio.to_thread(disk_faults.trial, 2, 0.5, sabotage)
    assert len(outcome.lines) == len(disk_faults.FAULTS) + 1
    assert bool(outcome.bad) == (sabotage is not None), outcome.bad


def test_a_log_that_lacks_or_alters_what_was_seen_is_found(tmp_path: Path) -> None:
    """The witness itself: deltas of one row, one that is gone and one that reads otherwise."""
    database = tmp_path / "oricode.db"
    with sqlite3.connect(database) as db:
        db.execute("create table run (no, id)")
        db.execute("create table event (run_no, seq, event, data)")
        db.execute("insert into run values (1, 'run_a')")
        data = [json.dumps({"text": text, "index": 0}) for text in ("a", "b")]
        db.execute("insert into event values (1, 3, 'content', ?)", ("\n".join(data).encode(),))
    db.close()

    def saw(seq: int, text: str) -> dict[tuple[str, int], Message]:
        return {("run_a", seq): Message(f"run_a.1.{seq}", "content", {"text": text, "index": 0})}

    assert missing(database, saw(2, "a") | saw(3, "b")) == []
    assert missing(database, saw(2, "a") | saw(3, "c")) == ["run_a.1.3 content was shown otherwise"]
    assert missing(database, saw(4, "d")) == ["run_a.1.4 content was shown and is not there"]
