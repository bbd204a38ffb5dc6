"""Open connections end when their key is revoked."""

import asyncio

from oricode_service.access.keys import new_key
from oricode_service.access.revocations import Revocations
from oricode_service.store.port import StoreUnavailable


async def added(store) -> str:
    _, row = new_key("anna", admin=False, now=1)
    await store.add(row)
    return row.id


class Connection:
    """Remembers how often it was told to end."""

    def __init__(self) -> None:
        self.endings = 0
        self.ended = asyncio.Event()

    def end(self) -> None:
        self.endings += 1
        self.ended.set()


async def test_every_connection_of_a_revoked_key_is_ended_once_and_no_other(store):
    revocations = Revocations(store)
    revoked, kept = await added(store), await added(store)
    first, second, other = Connection(), Connection(), Connection()
    with (
        revocations.watching(revoked, first.end),
        revocations.watching(revoked, second.end),
        revocations.watching(kept, other.end),
    ):
        await revocations.check()
        assert (first.endings, second.endings) == (0, 0)
        await store.revoke(revoked, 2)
        await revocations.check()
        await revocations.check()
        assert (first.endings, second.endings, other.endings) == (1, 1, 0)


async def test_a_connection_that_has_gone_is_not_told(store):
    revocations = Revocations(store)
    key_id = await added(store)
    gone, open_ = Connection(), Connection()
    with revocations.watching(key_id, open_.end):
        with revocations.watching(key_id, gone.end):
            pass
        await store.revoke(key_id, 2)
        await revocations.check()
    assert (gone.endings, open_.endings) == (0, 1)


async def test_the_store_is_asked_once_per_key_and_not_at_all_when_nobody_is_connected(store):
    asked = []

    class Store:
        async def get(self, key_id):
            asked.append(key_id)
            return await store.get(key_id)

    revocations = Revocations(Store())
    key_id = await added(store)
    with revocations.watching(key_id, Connection().end), revocations.watching(key_id, Connection().end):
        await revocations.check()
    await revocations.check()
    assert asked == [key_id]


async def test_an_unreachable_store_ends_nobody_and_the_watch_goes_on(store):
    key_id = await added(store)
    await store.revoke(key_id, 2)
    connection = Connection()

    class Store:
        failures = 2

        async def get(self, wanted):
            if self.failures:
                self.failures -= 1
                assert connection.endings == 0
                raise StoreUnavailable
            return await store.get(wanted)

    revocations = Revocations(Store())
    with revocations.watching(key_id, connection.end):
        watch = asyncio.create_task(revocations.run(interval=0))
        async with asyncio.timeout(5):
            await connection.ended.wait()
        assert not watch.done()
        watch.cancel()
    assert connection.endings == 1
