"""The store of several instances: PostgreSQL. Implements ``store.port``; ``docs/scaling.md`` says how it behaves."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable
from urllib.parse import urlsplit

from ..port import ChatStore, Fenced, ReportStore, StoreUnavailable
from .connections import Pool, connect, is_mistake
from .keys import PostgresKeys
from .schema import prepare

__all__ = ["CannotOpen", "PostgresStore", "Tables", "open_store", "open_tables"]

START_SECONDS = 30.0
"""A database that is starting as well is waited for this long."""
_log = logging.getLogger(__name__)


class CannotOpen(Exception):
    """The database cannot be used; the text is one line for the person who starts the service."""


class PostgresStore:
    """An opened database. Close gives this process's runs to the others."""

    def __init__(
        self, url: str, pool: Pool, owner: str, lease_seconds: float, on_fenced: Callable[[Fenced], None], version: str
    ) -> None:
        # Here and not above: `oricode keys` needs none of these and must start fast.
        from .chats import PostgresChats
        from .counts import PostgresCounts
        from .hints import Hints
        from .lease import Lease
        from .log import PostgresLog
        from .programs import PostgresPrograms
        from .reports import PostgresReports
        from .runs import PostgresRuns

        self._pool = pool
        self._place = f"PostgreSQL {version}, {_place(url)}"
        self.hints = Hints(url)
        self.lease = Lease(url, owner, lease_seconds, self.hints, on_fenced)
        self.log = PostgresLog(url, pool, self.lease, self.hints)
        self.runs = PostgresRuns(pool, self.lease, self.hints)
        self.chats = PostgresChats(pool)
        self.keys = PostgresKeys(pool)
        self.programs = PostgresPrograms(pool, self.lease)
        self.reports = PostgresReports(pool)
        self.counts = PostgresCounts(pool, time.time)
        self.shared = True
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def description(self) -> str:
        return self._place

    async def start(self) -> None:
        """Be an instance among the others from now on. Raises StoreUnavailable."""
        await self.lease.register(self._pool)
        self._tasks = [asyncio.create_task(part.keep()) for part in (self.lease, self.hints, self.log)]
        self.hints.say(free=True)
        _log.info("this is instance %s", self.lease.me)

    async def healthy(self) -> bool:
        try:
            async with asyncio.timeout(2):
                return bool(await self._pool.value("select not pg_is_in_recovery()"))
        except (StoreUnavailable, TimeoutError):
            return False

    async def give_up(self) -> None:
        """Nothing to do: others may write all the time, and runs were released one by one."""

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        self.log.drop()
        self.hints.drop()
        try:
            await self.lease.end(self._pool)
            self.hints.say(free=True)
            await self.hints.flush(self._pool)
        finally:
            await self._pool.close()


async def open_store(
    url: str, owner: str, *, lease_seconds: float, on_fenced: Callable[[Fenced], None]
) -> PostgresStore:
    """Open the database for serving. ``owner``: a fresh name for this incarnation of the process.

    ``on_fenced`` is called when other processes declared this one dead; it should end the process. Raises WrongVersion,
    CannotOpen.
    """
    pool, version = await _ready(url, START_SECONDS)
    store = PostgresStore(url, pool, owner, lease_seconds, on_fenced, version)
    await store.start()
    return store


async def _ready(url: str, patience: float) -> tuple[Pool, str]:
    """A pool on a database with our tables, and the server's version."""
    loop = asyncio.get_running_loop()
    until = loop.time() + patience
    told = False
    while True:
        try:
            connection = await connect(url)
            try:
                await prepare(connection)
                version = await connection.fetchval("show server_version")
                if await connection.fetchval("show fsync") == "off":
                    _log.warning("the database runs with fsync=off: a power cut may take what was promised to be kept")
            finally:
                connection.terminate()
            return await Pool.open(url), str(version).partition(" ")[0]
        except StoreUnavailable as trouble:
            if is_mistake(trouble) or loop.time() >= until:
                raise CannotOpen(f"PostgreSQL at {_place(url)} cannot be used: {trouble}") from trouble
            if not told:
                _log.warning("waiting for PostgreSQL at %s: %s", _place(url), trouble)
                told = True
        await asyncio.sleep(0.5)


class Tables:
    """The database beside running services or without one, for commands: no instance, no lease, no runs."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self.keys = PostgresKeys(pool)

    # Below: imported when asked for, because `oricode keys` must start fast.

    @property
    def chats(self) -> ChatStore:
        from .chats import PostgresChats

        return PostgresChats(self._pool)

    @property
    def reports(self) -> ReportStore:
        from .reports import PostgresReports

        return PostgresReports(self._pool)


@contextlib.asynccontextmanager
async def open_tables(url: str) -> AsyncIterator[Tables]:
    """Raises StoreUnavailable, WrongVersion."""
    try:
        pool, _ = await _ready(url, 0)
    except CannotOpen as why:
        raise StoreUnavailable(str(why)) from why
    try:
        yield Tables(pool)
    finally:
        await pool.close()


def _place(url: str) -> str:
    """Where the database is, without who may use it."""
    parts = urlsplit(url)
    return parts.netloc.rpartition("@")[2] + parts.path
