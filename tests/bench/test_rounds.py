"""Which rounds count."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.machine import QUIET, Usage, busy, cpu_of, share_of_others
from bench.measures import rounds
from bench.measures.scene import Scene

BUSY = QUIET * 2


def scripted(shares: list[float], monkeypatch: pytest.MonkeyPatch) -> dict[str, list[dict[str, object]]]:
    """Two cases whose rounds are disturbed as ``shares`` says, in the order they are run."""
    left = iter(shares)
    ran: list[str] = []
    monkeypatch.setattr(rounds, "share_of_others", lambda *_: next(left))
    scene = Scene(("a", "b"), Path(), rounds=2, spare=1)
    results = rounds.interleaved(scene, {name: lambda name=name: ran.append(name) or {"of": name} for name in "ab"})
    return {**results, "ran": ran}  # type: ignore[dict-item]


def test_cases_take_turns_until_each_has_its_quiet_rounds(monkeypatch):
    found = scripted([0, 0, 0, 0], monkeypatch)
    assert found["ran"] == ["a", "b", "a", "b"]
    assert all(result["counts"] for name in "ab" for result in found[name])


def test_a_disturbed_round_is_repeated_and_does_not_count(monkeypatch):
    found = scripted([BUSY, 0, 0, 0, 0], monkeypatch)
    assert found["ran"] == ["a", "b", "a", "b", "a"]
    assert [result["counts"] for result in found["a"]] == [False, True, True]


def test_on_a_machine_that_is_never_quiet_the_least_disturbed_count(monkeypatch):
    found = scripted([0.9, 0.2, 0.3, 0.4, 0.5, 0.3], monkeypatch)
    assert found["ran"] == ["a", "b"] * 3
    assert [result["counts"] for result in found["a"]] == [False, True, True]
    assert [result["counts"] for result in found["b"]] == [True, False, True]


def test_what_others_used_is_what_was_used_and_not_by_us():
    before, after = Usage(10, 5, 1), Usage(20, 14, 8)
    assert share_of_others(before, after, processors=2) == pytest.approx((9 - 7) / (10 * 2))


def test_our_own_rounding_is_no_negative_share():
    assert share_of_others(Usage(0, 0, 0), Usage(1, 0.99, 1.0), processors=2) == 0


def test_interrupts_are_nobodys_but_what_the_host_took_is_others():
    line = "cpu  100 10 50 9999 77 5 6 40 0 0\n"
    tick = busy("cpu  1 0 0 0 0 0 0 0 0 0\n")
    assert busy(line + "cpu0 1 2 3\n") == pytest.approx((100 + 10 + 50 + 40) * tick)


def test_what_children_used_that_ended_is_counted():
    before = cpu_of(os.getpid())
    subprocess.run([sys.executable, "-c", "import time\nwhile time.process_time() < 0.3: pass"], check=True)
    assert cpu_of(os.getpid()) - before >= 0.25
