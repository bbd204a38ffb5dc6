"""Hints between processes over LISTEN/NOTIFY: where to look, never what is there.

In: run numbers in which something changed. Out: the same on every other process, usually within milliseconds, now and
then not at all; so whoever listens looks at everything once a second too, and at once after the connection was lost.
All hints of a process leave on the connection that listens, at most one notification per :data:`PACE`, never inside a
transaction that waits for the disk: notifying commits exclude each other in the whole database cluster.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Iterable

from ..port import StoreUnavailable
from .connections import Connection, Line, Pool

CHANNEL = "oricode"
PACE = 0.015
LOOK_SECONDS = 1.0
"""Everything is looked at this often, hints or not."""
_RETRY_SECONDS = 0.3
_KEEPALIVE_SECONDS = 10.0
_LONGEST = 7900
"""Bytes; PostgreSQL takes less than 8000."""
_ALL = "*"
_FREE = "f"
_PAYLOAD = re.compile(r"(?:e(?P<events>[0-9.]+))?(?:o(?P<orders>[0-9.]+))?(?P<free>f)?\Z", re.ASCII)
_log = logging.getLogger(__name__)


class Inbox:
    """What one listener has not looked at yet."""

    def __init__(self) -> None:
        self._runs: set[int] = set()
        self._everything = True
        self._wake = asyncio.Event()

    def add(self, runs: Iterable[int]) -> None:
        """Something changed in these runs."""
        self._runs.update(runs)
        self._wake.set()

    def everything(self) -> None:
        """Anything may have changed."""
        self._everything = True
        self._wake.set()

    async def listen(self) -> AsyncIterator[frozenset[int] | None]:
        """Run numbers as they come; None, at least every :data:`LOOK_SECONDS`, for everything."""
        loop = asyncio.get_running_loop()
        look_at = loop.time()
        while True:
            try:
                async with asyncio.timeout_at(look_at):
                    await self._wake.wait()
            except TimeoutError:
                self._everything = True
            self._wake.clear()
            runs, self._runs = frozenset(self._runs), set()
            if self._everything:
                self._everything = False
                look_at = loop.time() + LOOK_SECONDS
                yield None
            else:
                yield runs


class Hints:
    """One per process. Belongs to the event loop's thread."""

    def __init__(self, url: str) -> None:
        self.events = Inbox()
        """Runs whose log grew."""
        self.orders = Inbox()
        """Runs that somebody gave an order: cancel, an answer, a chat that became free."""
        self.alone = False
        """True while there is nobody to tell: then nothing is sent."""
        self._pid = 0
        """Of the server process behind our connection: what it sends comes back to us too."""
        self._line = Line(url, "hints", self._greet)
        self._events: set[int] = set()
        self._orders: set[int] = set()
        self._free = False
        self._wake = asyncio.Event()

    def say(self, *, events: Iterable[int] = (), orders: Iterable[int] = (), free: bool = False) -> None:
        """Tell the others: logs that grew, runs with orders, runs that nobody owns."""
        if self.alone:
            return
        self._events.update(events)
        self._orders.update(orders)
        self._free = self._free or free
        self._wake.set()

    async def keep(self) -> None:
        """Listen and tell, until cancelled."""
        while True:
            try:
                async with self._line.use() as connection:
                    await self._serve(connection)
            except StoreUnavailable as trouble:
                _log.info("hints pause: %s", trouble)
                await asyncio.sleep(_RETRY_SECONDS)

    async def flush(self, pool: Pool) -> None:
        """Send what is left to say, now, because this process is about to end. Raises StoreUnavailable."""
        if payload := self._take():
            sql = "select pg_notify($1, $2) from set_config('synchronous_commit', 'off', true)"
            await pool.value(sql, CHANNEL, payload)

    def drop(self) -> None:
        """End the connection."""
        self._line.drop()

    async def _greet(self, connection: Connection) -> None:
        await connection.execute("set synchronous_commit = off")
        connection.add_termination_listener(lambda _: self._wake.set())
        self._pid = connection.get_server_pid()
        await connection.add_listener(CHANNEL, self._hear)
        self.events.everything()
        self.orders.everything()

    async def _serve(self, connection: Connection) -> None:
        while True:
            try:
                async with asyncio.timeout(_KEEPALIVE_SECONDS):
                    await self._wake.wait()
            except TimeoutError:
                await connection.execute("select")
            self._wake.clear()
            if connection.is_closed():
                raise StoreUnavailable("the listening connection was lost")
            if payload := self._take():
                await connection.execute("select pg_notify($1, $2)", CHANNEL, payload)
                await asyncio.sleep(PACE)

    def _take(self) -> str:
        payload = pack(self._events, self._orders, self._free)
        self._events, self._orders, self._free = set(), set(), False
        return payload

    def _hear(self, connection: Connection, sender: int, channel: str, payload: str) -> None:
        if sender == self._pid:  # not asked of the connection, which may be gone when this is called
            return
        self.alone = False
        heard = unpack(payload)
        if heard is None:
            self.events.everything()
            self.orders.everything()
            return
        events, orders, free = heard
        if events:
            self.events.add(events)
        if free:
            self.orders.everything()
        elif orders:
            self.orders.add(orders)


def pack(events: Iterable[int], orders: Iterable[int], free: bool) -> str:
    """A payload; empty when there is nothing to say, ``*`` when there is too much to say."""
    parts = [
        letter + ".".join(map(str, sorted(runs))) for letter, runs in (("e", set(events)), ("o", set(orders))) if runs
    ]
    payload = "".join(parts) + (_FREE if free else "")
    return payload if len(payload) <= _LONGEST else _ALL


def unpack(payload: str) -> tuple[frozenset[int], frozenset[int], bool] | None:
    """(events, orders, free) of a payload; None for everything, which is also what an unknown payload means."""
    match = _PAYLOAD.match(payload)
    if match is None:
        return None
    return _numbers(match["events"]), _numbers(match["orders"]), match["free"] is not None


def _numbers(text: str | None) -> frozenset[int]:
    return frozenset(int(number) for number in (text or "").split(".") if number)
