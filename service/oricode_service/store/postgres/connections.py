"""Connections to PostgreSQL: a pool for short questions, and lines that one owner keeps for itself.

In: a URL. Out: rows, or :class:`~oricode_service.store.port.StoreUnavailable` for whatever may pass by itself (refused,
broken, slow, shutting down, failing over); mistakes of ours (bad values, violated constraints, wrong SQL) pass as
asyncpg's own errors. A line whose statement failed is thrown away: nobody can know where it stands.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import asyncpg  # type: ignore[import-untyped]

from ..port import StoreUnavailable

Row = Any
"""asyncpg.Record: a tuple with names."""
Connection = Any
"""asyncpg.Connection."""
UniqueViolation: type[Exception] = asyncpg.UniqueViolationError

CONNECT_SECONDS = 5.0
STATEMENT_SECONDS = 15.0
"""After this a statement counts as lost, and its connection too."""
POOL_SIZE = 10
_SESSION = {
    "application_name": "oricode",
    "lock_timeout": "3s",
    "idle_in_transaction_session_timeout": "5s",
    "default_transaction_isolation": "read committed",
}
_MISTAKES = ("22", "23", "42")
"""SQLSTATE classes that do not pass by waiting: data exceptions, violated constraints, wrong SQL."""


@contextlib.contextmanager
def trouble() -> Iterator[None]:
    """Turns trouble with the database into StoreUnavailable."""
    try:
        yield
    except asyncpg.PostgresError as error:
        if (error.sqlstate or "").startswith(_MISTAKES):
            raise
        raise StoreUnavailable(_text(error)) from error
    except (asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, TimeoutError) as error:
        # The second is what asyncpg says when a connection breaks at an odd moment.
        raise StoreUnavailable(_text(error)) from error


def _text(error: BaseException) -> str:
    return str(error) or type(error).__name__


def is_mistake(error: StoreUnavailable) -> bool:
    """Whether a connection failed for a reason that waiting does not mend: password, database name, encryption."""
    cause = error.__cause__
    return isinstance(
        cause,
        (asyncpg.InvalidAuthorizationSpecificationError, asyncpg.InvalidCatalogNameError, asyncpg.InterfaceError),
    )


async def connect(url: str, purpose: str = "") -> Connection:
    """A connection of one's own; ``purpose`` is shown in the server's list of connections. Raises StoreUnavailable."""
    session = {**_SESSION, "application_name": f"{_SESSION['application_name']} {purpose}".strip()}
    with trouble():
        return await asyncpg.connect(
            url, timeout=CONNECT_SECONDS, command_timeout=STATEMENT_SECONDS, server_settings=session
        )


class Line:
    """One connection with one owner, made again when it broke. ``greet`` prepares each new one."""

    def __init__(self, url: str, purpose: str, greet: Callable[[Connection], Awaitable[None]]) -> None:
        self._url = url
        self._purpose = purpose
        self._greet = greet
        self._connection: Connection = None
        self._lock = asyncio.Lock()

    @contextlib.asynccontextmanager
    async def use(self) -> AsyncIterator[Connection]:
        """The connection, for one user at a time; any trouble inside ends it. Raises StoreUnavailable."""
        async with self._lock:
            with trouble():
                if self._connection is None or self._connection.is_closed():
                    self._connection = await connect(self._url, self._purpose)
                    try:
                        await self._greet(self._connection)
                    except BaseException:
                        self.drop()
                        raise
                try:
                    yield self._connection
                except UniqueViolation:
                    raise  # the statement was undone, the connection is sound
                except BaseException:
                    self.drop()
                    raise

    def drop(self) -> None:
        """End the connection at once."""
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None


class Pool:
    """Connections for short questions."""

    def __init__(self, pool: Any) -> None:
        self._pool = pool

    @classmethod
    async def open(cls, url: str) -> Pool:
        """Raises StoreUnavailable."""
        with trouble():
            pool = asyncpg.create_pool(
                url,
                min_size=0,
                max_size=POOL_SIZE,
                timeout=CONNECT_SECONDS,
                command_timeout=STATEMENT_SECONDS,
                server_settings=_SESSION,
                reset=_nothing,
            )
            await pool
            return cls(pool)

    async def all(self, sql: str, *values: object) -> list[Row]:
        """All rows."""
        async with self._one() as connection:
            found: list[Row] = await connection.fetch(sql, *values)
            return found

    async def row(self, sql: str, *values: object) -> Row | None:
        """The first row, or None."""
        async with self._one() as connection:
            return await connection.fetchrow(sql, *values)

    async def value(self, sql: str, *values: object) -> Any:
        """The first column of the first row, or None."""
        async with self._one() as connection:
            return await connection.fetchval(sql, *values)

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """For several statements. Not for anything that holds the lease's row: a stopped process would keep it."""
        async with self._one() as connection, connection.transaction():
            yield connection

    @contextlib.asynccontextmanager
    async def _one(self) -> AsyncIterator[Connection]:
        with trouble():
            async with self._pool.acquire(timeout=STATEMENT_SECONDS) as connection:
                yield connection

    async def close(self) -> None:
        """End all connections; those in use after five seconds are cut."""
        try:
            with trouble():
                async with asyncio.timeout(CONNECT_SECONDS):
                    await self._pool.close()
        except StoreUnavailable:
            self._pool.terminate()


async def _nothing(connection: Connection) -> None:
    """Nothing of a session outlives its statement here, so there is nothing to reset: it would cost a round trip."""
