"""Keys, tickets and the audit log, whatever the database."""

from __future__ import annotations

import asyncio

from oricode_service.store.rows import KeyRow
from store.made import NOW

ANNA = KeyRow("k1", "anna", b"\x00\xff" * 16, True, NOW, None)


async def test_a_key_comes_back_as_it_was_added(store):
    await store.keys.add(ANNA)
    assert await store.keys.get("k1") == ANNA
    assert await store.keys.get("k2") is None


async def test_keys_are_listed_in_order_of_their_making(store):
    rows = [KeyRow(f"k{n}", "anna", b"h", False, NOW - n, None) for n in range(3)]
    for row in rows:
        await store.keys.add(row)
    assert await store.keys.all() == rows[::-1]


async def test_a_key_is_revoked_once(store):
    await store.keys.add(ANNA)
    assert await store.keys.revoke("k1", NOW + 1)
    assert not await store.keys.revoke("k1", NOW + 2)
    assert not await store.keys.revoke("k2", NOW)
    assert (await store.keys.get("k1")).revoked_at == NOW + 1


async def test_of_many_first_keys_one_is_added(store):
    rows = [KeyRow(f"k{n}", "me", b"h", True, NOW, None) for n in range(5)]
    added = await asyncio.gather(*(store.keys.add_first(row) for row in rows))
    assert sum(added) == 1
    assert len(await store.keys.all()) == 1


async def test_a_revoked_key_is_a_key_that_was_there(store):
    await store.keys.add(ANNA)
    await store.keys.revoke("k1", NOW)
    assert not await store.keys.add_first(KeyRow("k2", "me", b"h", True, NOW, None))


async def test_a_ticket_is_taken_once_and_in_time(store):
    await store.keys.add_ticket(b"t1", "k1", NOW + 30)
    await store.keys.add_ticket(b"t2", "k1", NOW + 30)
    assert await store.keys.take_ticket(b"t1", NOW + 29) == "k1"
    assert await store.keys.take_ticket(b"t1", NOW + 29) is None
    assert await store.keys.take_ticket(b"t2", NOW + 30) is None
    assert await store.keys.take_ticket(b"t0", NOW) is None


async def test_of_many_that_take_a_ticket_one_gets_it(store):
    await store.keys.add_ticket(b"t", "k1", NOW + 30)
    taken = await asyncio.gather(*(store.keys.take_ticket(b"t", NOW) for _ in range(5)))
    assert sorted(filter(None, taken)) == ["k1"]


async def test_the_audit_log_takes_what_it_is_told(store):
    await store.keys.audit(NOW, "anna", "key.create", b'{"key_id":"k1"}')
    assert await store.healthy()
