"""The rules of waiting, without a clock."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st
from oricode_client.pace import Backoff, Pace


def test_the_ceiling_doubles_up_to_its_cap() -> None:
    backoff = Backoff(Pace(jitter=lambda: 1.0, patience=math.inf, start_patience=math.inf))
    assert [backoff.failed(0.0) for _ in range(8)] == [0.5, 1, 2, 4, 8, 16, 30, 30]


@given(jitter=st.floats(0, 1, exclude_max=True), failures=st.integers(1, 200), floor=st.floats(0, 100))
def test_a_wait_is_between_the_floor_and_the_floor_plus_thirty_seconds(
    jitter: float, failures: int, floor: float
) -> None:
    backoff = Backoff(Pace(jitter=lambda: jitter, patience=math.inf, start_patience=math.inf))
    for _ in range(failures):
        delay = backoff.failed(0.0, floor)
        assert delay is not None
        assert floor <= delay <= floor + 30


def test_a_success_starts_over() -> None:
    backoff = Backoff(Pace(jitter=lambda: 1.0))
    backoff.failed(0.0)
    backoff.failed(0.0)
    backoff.succeeded()
    assert backoff.failed(0.0) == 0.5


def test_patience_counts_from_the_first_failure_in_a_row() -> None:
    backoff = Backoff(Pace(jitter=lambda: 0.0, patience=10, start_patience=5))
    assert backoff.failed(100.0) == 0
    assert backoff.failed(105.0) == 0
    assert backoff.failed(105.1) is None
    backoff.reached()
    assert backoff.failed(200.0) == 0
    assert backoff.failed(210.0) == 0
    assert backoff.failed(210.1) is None


def test_a_wait_that_outlasts_patience_is_not_begun() -> None:
    assert Backoff(Pace(jitter=lambda: 0.0, start_patience=5)).failed(0.0, floor=6) is None
