"""The schema: made once by whoever comes first, the same as SQLite's, never touched when it is newer."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing

import asyncpg
import pytest
from oricode_service.store import postgres, sqlite
from oricode_service.store.port import WrongVersion
from oricode_service.store.postgres.schema import VERSION

ONLY_SHARED = {"instance", "rate_window"}


async def ask(database, sql: str, *values: object) -> list[tuple]:
    connection = await asyncpg.connect(database.url)
    try:
        return [tuple(row) for row in await connection.fetch(sql, *values)]
    finally:
        await connection.close()


async def test_many_processes_may_start_at_once_on_an_empty_database(new_database):
    stores = await asyncio.gather(*(new_database.open() for _ in range(6)))
    assert await ask(new_database, "select value from meta where key = 'version'") == [(str(VERSION),)]
    assert await ask(new_database, "select count(*) from instance where not dead") == [(6,)]
    for store in stores:
        await store.close()
    assert await ask(new_database, "select count(*) from instance") == [(0,)]


async def test_a_newer_database_is_refused_and_left_alone(new_database):
    await (await new_database.open()).close()
    await ask(new_database, "update meta set value = $1 where key = 'version'", str(VERSION + 1))
    with pytest.raises(WrongVersion, match=f"version {VERSION + 1}"):
        await new_database.open()
    with pytest.raises(WrongVersion):
        async with postgres.open_tables(new_database.url):
            pass


async def test_both_databases_have_the_same_tables_and_columns(new_database, tmp_path):
    await (await new_database.open()).close()
    await (await sqlite.open_store(tmp_path, "one")).close()
    columns = await ask(
        new_database, "select table_name, column_name from information_schema.columns where table_schema = 'public'"
    )
    with closing(sqlite3.connect(tmp_path / "oricode.db")) as db:
        tables = [name for (name,) in db.execute("select name from sqlite_master where type = 'table'")]
        embedded = {
            (table, column[1])
            for table in tables
            if not table.startswith("sqlite_")
            for column in db.execute(f"pragma table_info({table})")
        }
    assert {pair for pair in columns if pair[0] not in ONLY_SHARED} == embedded


async def test_a_wrong_password_is_said_in_one_line_at_once_and_without_the_password(database):
    wrong = database.url.replace("oricode:", "oricode:not-the-")
    with pytest.raises(postgres.CannotOpen) as refused:
        async with asyncio.timeout(10):
            await postgres.open_store(wrong, "one", lease_seconds=5, on_fenced=database.fenced.append)
    assert "authentication" in str(refused.value)
    assert "not-the-" not in str(refused.value)
    assert "\n" not in str(refused.value)


async def test_a_database_that_is_not_there_is_said_at_once(database):
    absent = database.url + "_absent"
    with pytest.raises(postgres.CannotOpen, match="does not exist"):
        async with asyncio.timeout(10):
            await postgres.open_store(absent, "one", lease_seconds=5, on_fenced=database.fenced.append)


async def test_keys_made_beside_a_running_service_are_seen_by_it(database):
    from oricode_service.store.rows import KeyRow

    store = await database.open()
    row = KeyRow("k1", "anna", b"h", False, 1, None)
    async with postgres.open_tables(database.url) as tables:
        await tables.keys.add(row)
    assert await store.keys.get("k1") == row
    await store.close()
