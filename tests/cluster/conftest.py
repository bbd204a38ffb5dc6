"""A PostgreSQL for the session, an empty database for each test, and instances on it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
from cluster.instances import Instances
from store.private_postgres import PrivatePostgres, private_postgres


@pytest.fixture(scope="session")
def server() -> Iterator[PrivatePostgres]:
    with private_postgres() as running:
        yield running


@pytest.fixture
def address(server: PrivatePostgres) -> str:
    return server.database()


@pytest.fixture
async def instances(address: str) -> AsyncIterator[Instances]:
    """Started by the test, as many as it wants; all in this process, each with its own connections."""
    made = Instances(address)
    yield made
    await made.close()
