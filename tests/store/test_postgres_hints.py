"""Hints between processes, and what holds without them."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oricode_service.access.limits import RateLimit, parse_rate
from oricode_service.store.postgres.hints import pack, unpack
from store.made import NOW, ended, question, records, started, started_in

LIMIT = 20


@pytest.fixture
async def two(database):
    """Two processes that have heard of each other."""
    one, other = await database.open(), await database.open()
    yield one, other
    await one.close()
    await other.close()


async def heard(hints, wanted) -> None:
    """Return when ``wanted`` was among the hints themselves, not merely found by looking at everything."""
    async with asyncio.timeout(LIMIT), aclosing(hints) as listening:
        async for runs in listening:
            if runs is not None and wanted in runs:
                return


async def test_what_one_process_writes_the_others_are_told(two):
    one, other = two
    run = await started(one)
    listening = asyncio.create_task(heard(other.log.watch(), run.no))
    async with asyncio.timeout(LIMIT):
        for seq in range(1, 1000):
            await one.log.append(records(run, seq, seq))
            if listening.done():
                break
            await asyncio.sleep(0.02)
    await listening


async def test_a_hint_that_is_delivered_when_its_connection_is_gone_is_heard_all_the_same(database):
    """The driver calls back a moment later, and may have ended the connection meanwhile."""
    store = await database.open()
    connection = await asyncpg.connect(database.url)
    connection.terminate()
    hints = store.log.watch()
    assert await anext(hints) is None  # everything, at the beginning
    store.hints._hear(connection, 1, "oricode", "e7")
    await asyncio.wait_for(heard(hints, 7), LIMIT)
    await store.close()


async def test_orders_reach_the_owner(two):
    one, other = two
    run, asking = await started(one), await started(one)
    await one.log.commit(records(asking, 1, 1), [question(asking)])
    listening = asyncio.create_task(heard(one.runs.orders(), run.no))
    await other.runs.request_cancel(run.no)
    await listening
    listening = asyncio.create_task(heard(one.runs.orders(), asking.no))
    assert await other.runs.answer(asking.no, "call_1", "tool", b"{}", "anna", NOW) == "accepted"
    await listening


async def test_the_end_of_a_run_is_told_to_the_next_one_of_its_chat(two):
    one, other = two
    first = await started(one)
    second = await started_in(other, first)
    listening = asyncio.create_task(heard(other.runs.orders(), second.no))
    await ended(one, first)
    await listening


async def test_a_release_makes_the_others_look_for_runs(two):
    one, other = two
    run = await started(one)
    async with asyncio.timeout(LIMIT), aclosing(other.runs.orders()) as orders:
        await anext(orders)
        await one.runs.release([run.no])
        loop = asyncio.get_running_loop()
        begun = loop.time()
        while await anext(orders) is not None:
            pass
    assert [taken.no for taken in await other.runs.claim(10)] == [run.no]
    assert loop.time() - begun < LIMIT


async def test_everything_is_looked_at_again_after_the_listening_connection_was_lost(two):
    one, other = two
    run = await started(one)
    async with asyncio.timeout(LIMIT), aclosing(other.log.watch()) as hints:
        await one._pool.value(
            "select count(pg_terminate_backend(pid)) from pg_stat_activity"
            " where datname = current_database() and query ~* '^(listen|select pg_notify)'"
        )
        async for runs in hints:
            if runs is None:
                break
    await heard_after_writing(one, other, run)


async def heard_after_writing(one, other, run) -> None:
    listening = asyncio.create_task(heard(other.log.watch(), run.no))
    async with asyncio.timeout(LIMIT):
        seq = 0
        while not listening.done():
            seq += 1
            await one.log.append(records(run, seq, seq))
            await asyncio.sleep(0.05)
    await listening


async def test_a_process_without_peers_sends_nothing(database):
    only = await database.open()
    await only.lease.beat()
    assert only.hints.alone
    run = await started(only)
    await only.log.append(records(run, 1, 1))
    assert only.hints._take() == ""
    second = await database.open()
    async with asyncio.timeout(LIMIT):
        while only.hints.alone:
            await asyncio.sleep(0.02)
    await second.close()
    await only.close()


async def test_a_rate_holds_over_all_processes(two):
    limits = [RateLimit(parse_rate("3/minute"), store.counts) for store in two]
    verdicts = [await limits[n % 2].hit("key") for n in range(5)]
    assert [verdict.allowed for verdict in verdicts] == [True, True, True, False, False]
    assert [verdict.remaining for verdict in verdicts] == [2, 1, 0, 0, 0]
    assert all(0 < verdict.resets_in <= 60 for verdict in verdicts)
    assert (await limits[0].hit("other")).allowed


async def test_a_window_that_ended_begins_anew(two):
    limits = [RateLimit(parse_rate("1/second"), store.counts) for store in two]
    assert (await limits[0].hit("key")).allowed
    refused = await limits[1].hit("key")
    assert not refused.allowed
    await asyncio.sleep(refused.resets_in + 0.05)
    assert (await limits[1].hit("key")).allowed


runs = st.frozensets(st.integers(1, 2**63 - 1), max_size=30)


@given(runs, runs, st.booleans())
def test_a_payload_says_what_was_put_in(events, orders, free):
    payload = pack(events, orders, free)
    assert len(payload) < 8000
    assert unpack(payload) == (events, orders, free)


def test_too_much_to_say_means_look_at_everything():
    payload = pack(range(10**9, 10**9 + 5000), (), False)
    assert len(payload) < 8000
    assert unpack(payload) is None


@pytest.mark.parametrize("payload", ["*", "x1", "e1.2;o3", "e", "hello"])
def test_a_payload_that_is_not_understood_means_look_at_everything(payload):
    assert unpack(payload) is None
