"""What all tests share: how Hypothesis runs, and one house (the real service and a scripted upstream) per session."""

from __future__ import annotations

from collections.abc import AsyncIterator

import hypothesis
import pytest
import pytest_asyncio
from conformance.house import House

# No deadline per example: a busy machine is no bug of ours. The examples are the same in every run unless asked.
hypothesis.settings.register_profile("steady", deadline=None, derandomize=True)
hypothesis.settings.register_profile("search", deadline=None, max_examples=2000)
hypothesis.settings.load_profile("steady")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    """The service in a process of its own, behind it the scripted upstream, for all tests of the wire.

    Lives on the session's loop: tests that use it are marked ``asyncio(loop_scope="session")``.
    """
    async with House(tmp_path_factory.mktemp("house")) as house:
        yield house
