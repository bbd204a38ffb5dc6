"""One scenario for all tests that look at what it left behind."""

from __future__ import annotations

import pytest
import pytest_asyncio
from observe.scenario import Left, play


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def left(tmp_path_factory: pytest.TempPathFactory) -> Left:
    """What a day in the life of the service left behind."""
    return await play(tmp_path_factory.mktemp("scenario"))
