"""Every contract test runs against both stores: SQLite in a folder, and a real PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from itertools import count
from pathlib import Path
from typing import Protocol

import asyncpg
import pytest
from oricode_service.store import postgres, sqlite
from oricode_service.store.port import Fenced, Store
from oricode_service.store.postgres.schema import prepare
from store.private_postgres import PrivatePostgres, private_postgres

LEASE = 1.0
"""Seconds; tests that let no lease run out take a longer one, which a busy machine cannot break."""
LONG = 60.0
_owners = count(1)


class Place(Protocol):
    """Where a store is; processes come and go."""

    async def open(self) -> Store:
        """A new process opens it."""
        ...

    async def crash(self, store: Store) -> None:
        """The process ends without a word; returns when others may take its runs over."""
        ...


class Folder:
    """SQLite: one process at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def open(self) -> sqlite.SqliteStore:
        return await sqlite.open_store(self._path, f"owner{next(_owners)}")

    async def crash(self, store: Store) -> None:
        await store.close()  # keeps every row as it is, the owners too


class Database:
    """PostgreSQL: as many processes as there are."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.fenced: list[Fenced] = []

    async def open(self, lease_seconds: float = LONG) -> postgres.PostgresStore:
        return await postgres.open_store(
            self.url, f"owner{next(_owners)}", lease_seconds=lease_seconds, on_fenced=self.fenced.append
        )

    async def crash(self, store: Store) -> None:
        assert isinstance(store, postgres.PostgresStore)
        await stop(store)
        await declare_dead(store)


async def stop(store: postgres.PostgresStore) -> None:
    """Stop what a process does in the background; its row and its runs stay as they are."""
    for task in store._tasks:
        task.cancel()
    await asyncio.wait(store._tasks)
    store._tasks = []
    store.log.drop()
    store.hints.drop()


async def declare_dead(store: postgres.PostgresStore) -> None:
    """What peers do when the lease has run out."""
    await store._pool.value("update instance set dead = true where id = $1", store.lease.me)


@pytest.fixture(scope="session")
def server() -> Iterator[PrivatePostgres]:
    with private_postgres() as running:
        yield running


@pytest.fixture(scope="session")
def address(server: PrivatePostgres) -> str:
    """Of the database that tests share, one after the other: making one takes a second."""
    return server.database()


@pytest.fixture
async def database(address: str) -> Database:
    """With our tables, which are empty."""
    connection = await asyncpg.connect(address)
    await prepare(connection)
    tables = await connection.fetchval(
        "select string_agg(quote_ident(tablename), ', ') from pg_tables"
        " where schemaname = 'public' and tablename <> 'meta'"
    )
    await connection.execute(f"truncate {tables} restart identity")
    await connection.close()
    return Database(address)


@pytest.fixture
def new_database(server: PrivatePostgres) -> Database:
    """Without any table."""
    return Database(server.database())


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    return Folder(tmp_path) if request.param == "sqlite" else request.getfixturevalue("database")


@pytest.fixture
async def store(place: Place) -> AsyncIterator[Store]:
    opened = await place.open()
    yield opened
    await opened.close()
