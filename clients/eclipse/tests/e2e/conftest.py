"""What every test of the workbench stands on: a display, a folder, and where pictures go."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from desktop import Desktop, desktop

PROJECT = Path(__file__).resolve().parents[4]
SHOTS = PROJECT / "test-output" / "eclipse"


@pytest.fixture
def screen() -> Iterator[Desktop]:
    """A display of its own for each test."""
    with desktop(SHOTS) as shown:
        yield shown
