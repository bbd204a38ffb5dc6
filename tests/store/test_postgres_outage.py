"""A database that is away, or comes back without its last moments."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import asyncpg
import pytest
from oricode_service.store.port import StoreUnavailable
from store.made import message, new_run, records, started

LIMIT = 60
CRASHES = 5
"""One is enough, unless the server's own work wrote its log out just then."""


@asynccontextmanager
async def lazy_wal(server, database):
    """The server writes its log to disk only when a commit asks for it: a crash loses all deltas since."""
    connection = await asyncpg.connect(database.url)
    await connection.execute("alter system set wal_writer_delay = '10s'")
    await connection.execute("select pg_reload_conf()")
    await connection.close()
    try:
        yield
    finally:
        connection = await asyncpg.connect(database.url)
        await connection.execute("alter system reset wal_writer_delay")
        await connection.execute("select pg_reload_conf()")
        await connection.close()


async def insist(call):
    async with asyncio.timeout(LIMIT):
        while True:
            try:
                return await call()
            except StoreUnavailable:
                await asyncio.sleep(0.05)


async def test_while_the_database_is_away_everything_says_so_and_afterwards_goes_on(server, database):
    store = await database.open(lease_seconds=1)
    run = await started(store)
    await store.log.append(records(run, 1, 1))
    await asyncio.to_thread(server.stop)
    try:
        for call in (
            lambda: store.log.append(records(run, 2, 2)),
            lambda: store.log.commit(records(run, 2, 2), [message(run)]),
            lambda: store.log.read(run.no, 0, 1000),
            lambda: store.runs.get(run.id, None),
            lambda: store.runs.create(new_run()),
            lambda: store.keys.get("k1"),
        ):
            async with asyncio.timeout(LIMIT):
                with pytest.raises(StoreUnavailable):
                    await call()
        assert not await store.healthy()
    finally:
        await asyncio.to_thread(server.start)
    await insist(lambda: store.log.append(records(run, 2, 2)))
    await insist(lambda: store.log.commit(records(run, 3, 3), [message(run)]))
    assert await store.log.read(run.no, 0, 1000) == records(run, 1, 3)
    assert await store.healthy()
    await store.close()


async def test_nobody_is_declared_dead_because_the_database_was_away(server, database):
    """All leases have expired when it is back; each process renews before anybody looks."""
    lease = 2.0
    stores = [await database.open(lease_seconds=lease) for _ in range(3)]
    runs = [await started(store) for store in stores]
    await asyncio.to_thread(server.stop)
    await asyncio.sleep(1.5 * lease)
    await asyncio.to_thread(server.start)
    for seq in range(1, 40):
        for store, run in zip(stores, runs, strict=True):
            await insist(lambda store=store, run=run, seq=seq: store.log.append(records(run, seq, seq)))
        await asyncio.sleep(lease / 20)
    assert database.fenced == []
    assert [await store.runs.claim(10) for store in stores] == [[], [], []]
    for store in stores:
        await store.close()


async def test_deltas_that_a_crash_of_the_database_took_are_written_again_by_the_process_that_has_them(
    server, database
):
    store = await database.open()
    async with lazy_wal(server, database):
        run, quiet = await started(store), await started(store)
        await store.log.commit(records(run, 1, 1), [message(run)])
        last = 1
        for _ in range(CRASHES):
            deltas = records(run, last + 1, last + 20) + (records(quiet, 1, 5) if last == 1 else [])
            await insist(lambda deltas=deltas: store.log.append(deltas))
            last += 20
            await asyncio.to_thread(server.restart, "immediate")
            if len(await insist(lambda: store.log.read(run.no, 0, 10_000))) < last:
                break
        else:
            pytest.fail("no crash took anything")
        last += 1
        await insist(lambda: store.log.append(records(run, last, last)))
    assert await store.log.read(run.no, 0, 10_000) == records(run, 1, last)
    assert await store.log.read(quiet.no, 0, 10_000) == records(quiet, 1, 5)
    assert database.fenced == []
    await store.close()


async def test_a_commit_survives_a_crash_of_the_database_and_takes_the_deltas_before_it_along(server, database):
    store = await database.open()
    async with lazy_wal(server, database):
        run = await started(store)
        await store.log.append(records(run, 1, 9))
        await store.log.commit(records(run, 10, 10), [message(run)])
        await asyncio.to_thread(server.restart, "immediate")
        assert await insist(lambda: store.log.read(run.no, 0, 10_000)) == records(run, 1, 10)
    await store.close()
