"""Who may ask, and how often, is one answer whatever instance is asked."""

from __future__ import annotations

import asyncio

import pytest
from oricode_protocol.errors import OricodeError
from oricode_service.access.keys import Keys, new_key
from oricode_service.access.limits import RateLimit, parse_rate
from oricode_service.access.revocations import Revocations
from oricode_service.access.tickets import Tickets
from oricode_service.engine.ports import RunLimits
from oricode_service.models.script import Pause, Say, Script

ENDLESS = Script(((Say("One moment."), Pause(3600)),))


@pytest.fixture
async def three(instances):
    return await instances.start(ENDLESS, 3)


async def key_of(instance, user: str = "anna") -> str:
    key, row = new_key(user, admin=False, now=1)
    await instance.store.keys.add(row)
    return key


async def test_a_rate_is_counted_over_all_instances(three):
    limits = [RateLimit(parse_rate("5/minute"), instance.store.counts) for instance in three]
    verdicts = await asyncio.gather(*(limit.hit("key") for limit in limits for _ in range(4)))
    assert sorted(verdict.allowed for verdict in verdicts) == [False] * 7 + [True] * 5
    for limit in limits:
        refused = await limit.hit("key")
        assert not refused.allowed
        assert 0 < refused.resets_in <= 61
        assert (await limit.hit("other key")).allowed


async def test_a_ticket_of_one_instance_opens_another_and_only_one(three):
    key = await key_of(three[0])
    desks = [Tickets(instance.store.keys, Keys(instance.store.keys)) for instance in three]
    caller = await Keys(three[0].store.keys).caller(key)
    ticket = await desks[0].issue(caller.key_id)
    taken = await asyncio.gather(*(desk.take(ticket) for desk in desks), return_exceptions=True)
    assert [answer.user for answer in taken if not isinstance(answer, BaseException)] == ["anna"]
    assert sum(isinstance(answer, OricodeError) for answer in taken) == 2


async def test_a_key_revoked_at_one_instance_ends_the_connections_of_the_others(three):
    key = await key_of(three[0])
    caller = await Keys(three[1].store.keys).caller(key)
    watch, ended = Revocations(three[1].store.keys), asyncio.Event()
    with watch.watching(caller.key_id, ended.set):
        await watch.check()
        assert not ended.is_set()
        await three[0].store.keys.revoke(caller.key_id, 2)
        await watch.check()
    assert ended.is_set()
    for instance in three:
        with pytest.raises(OricodeError, match="valid key"):
            await Keys(instance.store.keys).caller(key)


async def test_live_runs_of_a_key_are_counted_over_all_instances(instances):
    three = await instances.start(ENDLESS, 3, limits=RunLimits(max_live_per_key=2))
    runs = [await three[0].run(), await three[1].run()]
    with pytest.raises(OricodeError, match="runs"):
        await three[2].run()
    await three[2].engine.cancel_and_wait("anna", runs[0].id)
    runs.append(await three[2].run())
    for run in runs[1:]:
        await three[0].engine.cancel_and_wait("anna", run.id)
