"""A real store in a temporary directory, and clocks that only the test moves."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from oricode_service.store import sqlite
from oricode_service.store.port import KeyStore


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now

    def ms(self) -> int:
        return int(self.now * 1000)

    def pass_by(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[KeyStore]:
    with sqlite.open_keys(tmp_path) as keys:
        yield keys
