"""The lease of this process: alive by the database's clock, or never again.

In: an instance id. Out: a row that peers can see expire; :meth:`Lease.lost` when somebody declared this process dead.
A process declares others dead only when it has itself been in touch for a whole lease: after an outage of the
database, or a pause of the whole machine, all leases have expired, and everybody must get the chance to renew first.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable
from datetime import timedelta
from typing import NoReturn

from ..port import Fenced, StoreUnavailable
from .connections import Connection, Line, Pool
from .hints import Hints

RENEWALS = 3
LOOKS = 10
"""Per lease: how often a process renews its own, and how often it looks for those of peers that ran out."""
_BURIED = timedelta(hours=1)
"""Rows of dead instances are kept this long, for a person to look at."""
_log = logging.getLogger(__name__)

_REGISTER = "insert into instance (id, lease_until) values ($1, clock_timestamp() + $2)"
_BEAT = """
with mine as (
    update instance set lease_until = clock_timestamp() + $2 where id = $1 and not dead and $4::boolean
), late as (
    select id from instance where $3::boolean and not dead and id <> $1 and lease_until < clock_timestamp()
    for update skip locked
), buried as (
    update instance set dead = true from late where instance.id = late.id returning instance.id
)
select exists (select from instance where id = $1 and not dead), array(select id from buried),
    (select count(*) from instance where not dead and id <> $1)
"""
_BURY = """
delete from instance where dead and lease_until < clock_timestamp() - $1::interval
    and not exists (select from run where owner = instance.id and status in ('queued', 'running'))
"""


class Lease:
    """``me``: the id of this incarnation; ``seconds``: how long it counts as alive without a sign."""

    def __init__(self, url: str, me: str, seconds: float, hints: Hints, on_fenced: Callable[[Fenced], None]) -> None:
        self.me = me
        self._seconds = seconds
        self._hints = hints
        self._on_fenced = on_fenced
        self._line = Line(url, "lease", _relaxed)
        self._in_touch_since = self._renewed_at = 0.0
        """Loop times; infinite while out of touch."""

    def lost(self) -> NoReturn:
        """Another process has this one's runs: tell, and raise Fenced."""
        fenced = Fenced(f"instance {self.me} was declared dead")
        self._on_fenced(fenced)
        raise fenced

    async def register(self, pool: Pool) -> None:
        """Make the row. Raises StoreUnavailable."""
        await pool.value(_REGISTER, self.me, timedelta(seconds=self._seconds))
        self._in_touch_since = self._renewed_at = asyncio.get_running_loop().time()

    async def keep(self) -> None:
        """Renew and watch over peers, until cancelled."""
        loop = asyncio.get_running_loop()
        told = False
        while True:
            await asyncio.sleep(self._seconds / LOOKS)
            due = loop.time() >= self._renewed_at + self._seconds / RENEWALS
            try:
                async with asyncio.timeout(self._seconds / 2):
                    await self.beat(renew=due)
                told = False
            except (StoreUnavailable, TimeoutError) as trouble:
                self._line.drop()
                if not told:
                    _log.warning("cannot renew the lease: %s", trouble)
                told = True

    async def beat(self, *, renew: bool = True) -> None:
        """Declare dead whose lease ran out, and renew the own one. Raises StoreUnavailable, Fenced."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        if now - self._renewed_at > self._seconds / 2:
            self._in_touch_since = math.inf
        steady = now - self._in_touch_since >= self._seconds
        async with self._line.use() as connection:
            alive, buried, peers = await connection.fetchrow(
                _BEAT, self.me, timedelta(seconds=self._seconds), steady, renew
            )
        if not alive:
            self.lost()
        if renew:
            self._renewed_at = now
            self._in_touch_since = min(self._in_touch_since, loop.time())  # connecting anew may have taken long
        self._hints.alone = not peers
        if buried:
            _log.warning("declared dead: %s", ", ".join(buried))
            self._hints.orders.everything()
            self._hints.say(free=True)

    async def sweep(self, pool: Pool) -> None:
        """Forget instances that died long ago and own nothing any more."""
        await pool.value(_BURY, _BURIED)

    async def end(self, pool: Pool) -> None:
        """Give up the lease and whatever is still owned, so that peers need not wait. Raises StoreUnavailable."""
        self._line.drop()
        await pool.value("update run set owner = '' where owner = $1 and status in ('queued', 'running')", self.me)
        await pool.value("delete from instance where id = $1", self.me)


async def _relaxed(connection: Connection) -> None:
    """A lost renewal is made up by the next one: do not wait for the disk."""
    await connection.execute("set synchronous_commit = off")
