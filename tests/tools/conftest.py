from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from fake_adt import FakeAdt
from tools.memory_programs import MemoryPrograms


@pytest.fixture
def programs() -> MemoryPrograms:
    return MemoryPrograms()


@pytest.fixture
async def sap() -> AsyncIterator[FakeAdt]:
    async with FakeAdt() as fake:
        yield fake
