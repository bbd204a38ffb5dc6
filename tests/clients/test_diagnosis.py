"""The doctor's judgement, from written observations."""

from __future__ import annotations

import pytest
from oricode_client.terminal.diagnosis import Observed, Verdict, advice, judge, recommend

HEARTBEAT = 15.0


def verdict_on(*observed: Observed) -> Verdict:
    return judge("SSE", observed, HEARTBEAT)


def quiet(age: float, *arrivals: float, cut: bool = False) -> Observed:
    return Observed("SSE", False, list(arrivals), [], age, cut)


def busy(age: float, lags: list[float], cut: bool = False) -> Observed:
    return Observed("SSE", True, [float(n) for n in range(int(age))], lags, age, cut)


def test_a_clean_path_keeps_the_heartbeat() -> None:
    verdict = verdict_on(quiet(75, 0.0, 15, 30, 45, 60), busy(75, [0.01, 0.02, 0.05]))
    assert (verdict.held_back, verdict.idle_cut, verdict.total_cap) == (0.0, None, None)
    assert verdict.survived_silence == 15
    assert recommend([verdict], 15.0)[0] == 15.0
    assert advice(verdict) == []


def test_a_cut_in_silence_halves_the_heartbeat() -> None:
    cuts = [quiet(10.0, 0.1, cut=True), quiet(10.1, 0.1, cut=True)]
    verdict = verdict_on(*cuts, busy(75, [0.0, 0.0]))
    assert verdict.idle_cut == pytest.approx(9.9)
    assert verdict.total_cap is None
    assert recommend([verdict], 15.0)[0] == 4.0


def test_a_cut_of_a_busy_connection_is_a_cap() -> None:
    verdict = verdict_on(busy(60, [0.0, 0.0], cut=True), quiet(60.2, 0.1, 15, 30, 45, cut=True))
    assert verdict.total_cap == 60
    assert verdict.idle_cut is None
    assert "ORICODE_MAX_CONNECTION_AGE_SECONDS=48" in advice(verdict)[0]


def test_a_quiet_cut_is_no_idle_cut_when_as_long_a_silence_was_survived() -> None:
    verdict = verdict_on(quiet(20, 0.0, 15, cut=True), quiet(60, 0.0, 15, 30, 45))
    assert verdict.idle_cut is None
    assert verdict.total_cap == 20


def test_pieces_that_come_in_lumps_are_held_back() -> None:
    verdict = verdict_on(busy(30, [0.0, 8.0, 4.0, 0.1]))
    assert verdict.held_back == 8.0
    assert "proxy_buffering off" in advice(verdict)[0]


def test_lags_count_by_their_difference_only() -> None:
    assert verdict_on(busy(30, [1e9, 1e9 + 0.2])).held_back == 0.0


def test_a_path_that_gives_nothing_before_the_end_is_named() -> None:
    verdict = verdict_on(Observed("SSE", True, [], [], 75.0), Observed("SSE", False, [], [], 75.0))
    assert verdict.swallowed
    assert "buffering" in advice(verdict)[0]


def test_a_cut_after_swallowed_heartbeats_is_not_mended_by_more_of_them() -> None:
    verdict = verdict_on(quiet(60.0, cut=True), quiet(60.1, cut=True))
    assert verdict.swallowed
    assert verdict.idle_cut is None
    assert recommend([verdict], HEARTBEAT)[0] == HEARTBEAT


def test_a_connection_still_in_its_silence_proves_nothing_about_a_cut() -> None:
    verdict = verdict_on(quiet(10.0, 0.1, cut=True), quiet(9.8, 0.1))
    assert verdict.idle_cut == pytest.approx(9.9)
