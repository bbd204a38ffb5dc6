"""Runs outlive the instance that runs them, and viewers at any instance see one whole log."""

from __future__ import annotations

import asyncio

import pytest
from cluster.instances import events, watching
from engine.world import PATIENCE, Tool, assert_whole
from oricode_protocol.ids import Cursor
from oricode_service.log.reader import Word
from oricode_service.models.script import Call, Pause, Say, Script
from oricode_service.store.port import StoreUnavailable

TALK = Script(((Say("a" * 2400),), (Say("b" * 2400),)), rate=24_000, piece=12)
STUCK = Script(((Say("Before. "), Pause(3600)),))
"""Goes on only when another instance begins the turn anew."""


async def seen_up_to(reader, event: str) -> list:
    """What a viewer gets until the first event of that name."""
    seen = []
    async with asyncio.timeout(PATIENCE):
        while not any(record.event == event for record in seen):
            page = await reader.next()
            assert isinstance(page, list)
            seen += page
    return seen


async def test_a_viewer_at_another_instance_sees_the_whole_log_as_it_grows(instances):
    one, other = await instances.start(TALK, 2)
    run = await one.run()
    async with watching(other, run) as seen, watching(one, run) as near:
        pass
    assert seen.result() == near.result() == await one.stored(run)
    assert_whole(seen.result())


@pytest.mark.parametrize("after", [1, 7, 50])
async def test_a_viewer_goes_on_at_another_instance_behind_what_it_had(instances, after):
    one, other = await instances.start(TALK, 2)
    run = await one.run()
    async with asyncio.timeout(PATIENCE):
        reader, seen = await one.reader(run), []
        while len(seen) < after:
            seen += await reader.next()
    rest = await other.watch(run, seen[-1].seq)
    assert seen + rest == await one.stored(run)


async def test_many_viewers_of_many_runs_share_one_read_at_a_time(instances, monkeypatch):
    one, other = await instances.start(TALK, 2)
    reading, most = 0, 0
    original = other.store.log.tail

    async def counted(cursors):
        nonlocal reading, most
        reading += 1
        most = max(most, reading)
        try:
            return await original(cursors)
        finally:
            reading -= 1

    monkeypatch.setattr(other.store.log, "tail", counted)
    runs = [await one.run() for _ in range(8)]
    seen = await asyncio.gather(*(other.watch(run) for run in runs for _ in range(3)))
    assert most == 1
    for number, run in enumerate(runs):
        assert seen[3 * number] == seen[3 * number + 1] == seen[3 * number + 2] == await one.stored(run)


async def test_a_run_whose_instance_died_goes_on_and_its_viewers_never_notice_a_seam(instances):
    dying, heir, third = await instances.start(TALK, 3)
    run = await dying.run()
    async with watching(third, run) as seen:
        await seen_up_to(await heir.reader(run), "content")
        await dying.die()
    records = seen.result()
    assert assert_whole(records)["text"] == "a" * 2400
    assert events(records, "recovering")[0]["attempt"] == 1
    assert {record.epoch for record in records} == {1, 2}
    assert (await heir.row(run)).attempts == 1


async def test_a_viewer_stays_while_its_own_instance_takes_the_run_over(instances):
    dying, heir = await instances.start(TALK, 2)
    run = await dying.run()
    async with watching(heir, run) as seen:
        await seen_up_to(await heir.reader(run), "content")
        await dying.die()
    assert_whole(seen.result())
    assert seen.result() == await heir.stored(run)


async def test_an_effect_that_had_begun_is_not_repeated_by_the_heir(instances):
    tool = Tool(waits=asyncio.Event())
    script = Script(((Call("change", {}),), (Say("Looked into it."),)))
    dying, heir = await instances.start(script, 2, tools=[tool])
    run = await dying.run()
    async with asyncio.timeout(PATIENCE):
        await tool.reached.wait()
    async with watching(heir, run) as seen:
        await dying.die()
    assert list(tool.happened.values()) == [1]
    assert events(seen.result(), "tool_result")[0]["status"] == "unknown"
    assert_whole(seen.result())


async def test_a_drained_instance_hands_its_runs_over_and_takes_none_back(instances):
    leaving, heir = await instances.start(STUCK, 2)
    runs = [await leaving.run() for _ in range(5)]
    for run in runs:
        await seen_up_to(await heir.reader(run), "content")
    await leaving.engine.drain()
    for run in runs:
        await heir.owns(run)
    assert leaving.engine.live == []
    rows = [await heir.row(run) for run in runs]
    assert [(row.status, row.epoch, row.attempts) for row in rows] == [("running", 2, 0)] * 5
    for run in runs:
        await heir.engine.cancel("anna", run.id)


async def test_a_woken_zombie_is_fenced_before_anything_of_it_is_seen(instances):
    zombie, heir = await instances.start(STUCK, 2)
    run = await zombie.run()
    await seen_up_to(await heir.reader(run), "content")
    await zombie.store._pool.value("update instance set dead = true where id = $1", zombie.store.lease.me)
    await heir.owns(run)
    (live,) = zombie.engine.live
    before = live.writer.log.visible
    live.writer.append_deltas("content", b'{"text":"late","index":0}')
    async with asyncio.timeout(PATIENCE):
        while not zombie.fenced:
            await asyncio.sleep(0.01)
    assert live.writer.log.visible == before
    with pytest.raises(StoreUnavailable):  # and no viewer is told that what the heir wrote was a gap
        zombie.engine.ports.logs.log(await zombie.row(run))
    assert b"late" not in b"".join(record.data for record in await heir.stored(run))
    await heir.engine.cancel("anna", run.id)


async def test_a_viewer_that_saw_what_the_database_lost_is_sent_back_to_learn_of_the_gap(instances):
    """The database crashed, and with it the process that could have written its last events again."""
    dying, heir, third = await instances.start(STUCK, 3)
    run = await dying.run()
    readers = [await heir.reader(run), await third.reader(run)]
    seen = [(await seen_up_to(reader, "content"))[-1] for reader in readers]
    await dying.die()
    await heir.store._pool.value("delete from event where run_no = $1 and event = 'content'", run.no)
    await asyncio.wait([asyncio.create_task(i.owns(run)) for i in (heir, third)], return_when=asyncio.FIRST_COMPLETED)
    for reader in readers:
        async with asyncio.timeout(PATIENCE):
            while (page := await reader.next()) is not Word.CLOSE:
                assert isinstance(page, list)
                assert all(record.epoch == 1 for record in page)
        assert reader.close_reason == "gap"
    logs = third.engine.ports.logs
    log = logs.log(await third.row(run))
    assert not await logs.holds(log, Cursor(run.id, seen[0].epoch, seen[0].seq))
    await third.engine.cancel("anna", run.id)


@pytest.mark.parametrize("known", [False, True], ids=["a stranger to the run", "watched it before"])
async def test_a_cursor_that_is_only_late_is_waited_for(instances, known):
    """Its writer has it; the database will have it again in a moment."""
    one, other = await instances.start(STUCK, 2)
    run = await one.run()
    last = (await seen_up_to(await other.reader(run), "content"))[-1]
    (late,) = await instances.start(STUCK, 1)
    logs = late.engine.ports.logs
    log = logs.log(await late.row(run)) if known else None  # it knows where the log ends, and has none of it in memory
    await one.store._pool.value("delete from event where run_no = $1 and seq = $2", run.no, last.seq)
    log = log or logs.log(await late.row(run))
    holding = asyncio.create_task(logs.holds(log, Cursor(run.id, last.epoch, last.seq)))
    await asyncio.wait([holding], timeout=0.5)
    assert not holding.done()
    await one.store.log.append([last])
    assert await holding
    await other.engine.cancel("anna", run.id)


async def test_while_the_database_is_away_runs_pause_and_viewers_are_told(instances, server):
    one, other = await instances.start(TALK, 2)
    run = await one.run()
    async with watching(other, run) as seen:
        await seen_up_to(await other.reader(run), "content")
        async with asyncio.timeout(PATIENCE):
            while not other.watchers:
                await asyncio.sleep(0.01)
        await asyncio.to_thread(server.stop)
        async with asyncio.timeout(PATIENCE):
            while not all(i.engine.doing(run.no) == "recovering" for i in (one, other)):
                await asyncio.sleep(0.01)
            while not other.told:
                assert not seen.done(), seen.result()
                await asyncio.sleep(0.01)
        await asyncio.to_thread(server.start)
    assert assert_whole(seen.result())["text"] == "a" * 2400
    assert {record.epoch for record in seen.result()} == {1}
