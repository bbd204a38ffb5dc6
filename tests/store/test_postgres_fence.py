"""Leases and fencing: who was declared dead writes nothing any more, and nobody else is declared dead."""

from __future__ import annotations

import asyncio

import pytest
from oricode_service.store.port import Fenced, StoreUnavailable
from oricode_service.store.rows import FinishEffect, StartEffect
from oricode_service.tools.programs import Deployment
from store.conftest import LEASE, declare_dead, stop
from store.made import NOW, message, new_run, records, started


@pytest.fixture
async def pair(database):
    """A process that was stopped and taken over, and its heir; with the run they both believed to own."""
    zombie = await database.open()
    run = await started(zombie)
    await zombie.log.commit(records(run, 1, 1), [StartEffect(run.no, "effect", NOW)])
    await zombie.programs.put_chunk("anna", "Z", index=0, total=2, code="old", language=None)
    await stop(zombie)  # as SIGSTOP does
    heir = await database.open()
    await declare_dead(zombie)
    (taken,) = await heir.runs.claim(10)
    yield zombie, heir, run, taken
    await zombie.close()
    await heir.close()


async def test_no_write_of_a_zombie_arrives(pair, database):
    zombie, heir, run, taken = pair
    await heir.programs.put_chunk("anna", "Z", index=0, total=2, code="new", language=None)
    before = await heir.programs.program("anna", "Z")
    writes = [
        lambda: zombie.log.append(records(run, 2, 2)),
        lambda: zombie.log.commit(records(run, 2, 2), [message(run)]),
        lambda: zombie.runs.create(new_run()),
        lambda: zombie.programs.put_chunk("anna", "Z", index=0, total=2, code="old", language=None),
        lambda: zombie.lease.beat(),
    ]
    for write in writes:
        with pytest.raises(Fenced):
            await write()
    assert len(database.fenced) == len(writes)
    await zombie.programs.set_deployed("anna", "Z", Deployment("directory", 1, "0", "call", 1))
    assert await zombie.runs.claim(10) == []
    assert await heir.programs.program("anna", "Z") == before
    assert await heir.log.read(run.no, 0, 1000) == records(run, 1, 1)
    assert await heir.runs.messages(run.no) == []
    await heir.log.append(records(taken, 2, 3))
    assert [record.epoch for record in await heir.log.read(run.no, 0, 1000)] == [1, 2, 2]


async def test_what_a_zombie_did_to_the_world_is_recorded_all_the_same(pair):
    """Its result comes late, but it is the truth, and the first truth stays."""
    zombie, heir, run, taken = pair
    with pytest.raises(Fenced):
        await zombie.log.commit(records(run, 2, 2), [FinishEffect("effect", b"done", NOW), message(run)])
    assert (await heir.runs.effect("effect")).result == b"done"
    await heir.log.commit(records(taken, 2, 2), [FinishEffect("effect", b"unknown", NOW + 1)])
    assert (await heir.runs.effect("effect")).result == b"done"


async def test_a_flush_whose_answer_was_lost_is_recognised_when_tried_again(database):
    store = await database.open()
    one, other = await started(store), await started(store)
    flush = records(one, 1, 3) + records(other, 1, 2)
    await store.log.append(flush)
    await store.log.append(flush)
    assert await store.log.read(one.no, 0, 1000) == records(one, 1, 3)
    assert database.fenced == []
    await store.close()


async def test_a_commit_whose_answer_was_lost_is_recognised_and_not_applied_twice(database):
    store = await database.open()
    run = await started(store)
    step = (records(run, 1, 2), [message(run), StartEffect(run.no, "effect", NOW)])
    await store.log.commit(*step)
    await store.log.commit(*step)
    assert len(await store.runs.messages(run.no)) == 1
    assert await store.log.read(run.no, 0, 1000) == records(run, 1, 2)
    await store.close()


async def test_a_commit_that_could_not_be_recognised_is_not_accepted(database):
    store = await database.open()
    run = await started(store)
    with pytest.raises(ValueError, match="needs an event"):
        await store.log.commit([], [message(run)])
    await store.close()


async def test_connections_killed_while_writing_neither_lose_nor_repeat_anything(database):
    """Whatever moment the answer is lost at: events and messages are there exactly once."""
    store, other = await database.open(), await database.open()
    run = await started(store)

    async def insist(write) -> None:
        while True:
            try:
                return await write()
            except StoreUnavailable:
                await asyncio.sleep(0)

    async def killing() -> None:
        while True:
            await other._pool.value(
                "select count(pg_terminate_backend(pid)) from pg_stat_activity"
                " where datname = current_database() and query ~ '^(insert into event|select commit_log)'"
            )
            await asyncio.sleep(0.01)

    killer = asyncio.create_task(killing())
    async with asyncio.timeout(60):
        for seq in range(1, 200, 2):
            step = (records(run, seq, seq), [message(run, content=b"%d" % seq)])
            await insist(lambda step=step: store.log.commit(*step))
            await insist(lambda seq=seq: store.log.append(records(run, seq + 1, seq + 1)))
    killer.cancel()
    assert [r.seq for r in await store.log.read(run.no, 0, 100_000)] == list(range(1, 201))
    assert [m.content for m in await store.runs.messages(run.no)] == [b"%d" % seq for seq in range(1, 200, 2)]
    assert database.fenced == []
    await store.close()
    await other.close()


async def test_an_idle_process_keeps_its_runs(database):
    one, other = await database.open(LEASE), await database.open(LEASE)
    await started(one)
    for _ in range(30):  # three leases, watched by the other process
        await asyncio.sleep(LEASE / 10)
        assert await other.runs.claim(10) == []
    assert database.fenced == []
    await one.close()
    await other.close()


async def test_a_process_that_gives_no_sign_of_life_for_a_lease_is_declared_dead_by_its_peers(database):
    silent, heir = await database.open(LEASE), await database.open(LEASE)
    run = await started(silent)
    await stop(silent)
    async with asyncio.timeout(20):
        while not (taken := await heir.runs.claim(10)):
            await asyncio.sleep(0.05)
    assert [(row.no, row.attempts) for row in taken] == [(run.no, 1)]
    with pytest.raises(Fenced):
        await silent.lease.beat()
    await heir.close()
    await silent.close()


async def test_who_was_long_in_reconnecting_gives_its_peers_a_whole_lease_all_the_same(database):
    """After an outage all leases have run out; connecting can take long, for the peers as well."""
    store = await database.open(LEASE)
    await stop(store)
    await store._pool.value(
        "insert into instance (id, lease_until) values ('peer', clock_timestamp() - interval '1 s')"
    )
    loop, lease = asyncio.get_running_loop(), store.lease
    lease._renewed_at -= 10 * LEASE
    async with lease._line._lock:  # as a slow connection would hold it
        reconnecting = asyncio.create_task(lease.beat())
        until = loop.time() + 0.3 * LEASE
        while loop.time() < until:
            await asyncio.sleep(0.05)
    in_touch_since = loop.time()
    await reconnecting
    async with asyncio.timeout(20):
        while not await store._pool.value("select dead from instance where id = 'peer'"):
            await asyncio.sleep(0.05)
            declared_at = loop.time()
            await lease.beat()
    assert declared_at - in_touch_since >= LEASE
    await store.close()


async def test_several_heirs_share_what_a_dead_process_left_and_none_gets_a_run_twice(database):
    dead = await database.open()
    runs = {(await started(dead)).no for _ in range(30)}
    heirs = [await database.open() for _ in range(3)]
    await stop(dead)
    await declare_dead(dead)

    async def take(heir) -> list[int]:
        taken: list[int] = []
        while len(shared) < len(runs):
            taken += (part := [run.no for run in await heir.runs.claim(3)])
            shared.extend(part)
            await asyncio.sleep(0.02)
        return taken

    shared: list[int] = []
    async with asyncio.timeout(20):
        parts = await asyncio.gather(*(take(heir) for heir in heirs))
    assert sorted(shared) == sorted(runs)
    assert all(parts)
    for heir in heirs:
        await heir.close()
    await dead.close()


async def test_closing_hands_runs_over_without_waiting_for_the_lease(database):
    leaving, heir = await database.open(), await database.open()
    run = await started(leaving)
    await leaving.close()
    assert [(taken.no, taken.attempts) for taken in await heir.runs.claim(10)] == [(run.no, 0)]
    await heir.close()


async def test_a_start_whose_answer_was_lost_is_cancelled_for_its_client_was_told_it_had_failed(database, monkeypatch):
    store = await database.open()
    lose_the_next_answer(store, monkeypatch)
    with pytest.raises(StoreUnavailable):
        await store.runs.create(new_run(run_id="run_lost"))
    (taken,) = await store.runs.claim(10)
    assert (taken.id, taken.cancel, taken.attempts) == ("run_lost", True, 0)
    assert await store.runs.claim(10) == []
    await store.close()


async def test_a_start_whose_answer_was_lost_goes_on_when_its_key_can_find_it_again(database, monkeypatch):
    store = await database.open()
    lose_the_next_answer(store, monkeypatch)
    with pytest.raises(StoreUnavailable):
        await store.runs.create(new_run(run_id="run_lost", idempotency_key="k"))
    again = await store.runs.create(new_run(idempotency_key="k"))
    assert (again.fresh, again.run.id) == (False, "run_lost")
    (taken,) = await store.runs.claim(10)
    assert (taken.id, taken.cancel) == ("run_lost", False)
    await store.close()


async def test_a_take_over_whose_answer_was_lost_is_done_again(database, monkeypatch):
    leaving, store = await database.open(), await database.open()
    run = await started(leaving)
    await leaving.close()
    lose_the_next_answer(store, monkeypatch, to="update run set epoch")
    with pytest.raises(StoreUnavailable):
        await store.runs.claim(10)
    (taken,) = await store.runs.claim(10)
    assert (taken.id, taken.epoch) == (run.id, 3)
    assert await store.runs.claim(10) == []
    await store.close()


def lose_the_next_answer(store, monkeypatch, to: str = "create_run") -> None:
    """The next statement that says ``to`` is carried out, and then the connection breaks."""
    for name in ("row", "all"):
        original = getattr(store._pool, name)

        async def lossy(sql, *values, original=original, name=name):
            answer = await original(sql, *values)
            if to in sql:
                monkeypatch.undo()
                raise StoreUnavailable("the answer was lost")
            return answer

        monkeypatch.setattr(store._pool, name, lossy)
