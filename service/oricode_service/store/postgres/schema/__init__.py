"""The tables and functions, by version, and how a database gets there.

In: a connection. Out: a database of :data:`VERSION`, or WrongVersion when a newer service was here. Safe when several
processes start at once: an advisory lock orders them, and the first does the work. A new version is one more file
``N.sql``, run once, inside a transaction.
"""

from __future__ import annotations

from importlib.resources import files

from ...port import WrongVersion
from ..connections import Connection, trouble

VERSION = 1
_LOCK = 0x6F7269636F6465  # "oricode"


async def prepare(connection: Connection) -> None:
    """Bring the database to :data:`VERSION`. Raises WrongVersion, StoreUnavailable."""
    with trouble():
        async with connection.transaction():
            await connection.execute("set local lock_timeout = '60s'")
            await connection.execute("set local idle_in_transaction_session_timeout = 0")
            await connection.execute("select pg_advisory_xact_lock($1)", _LOCK)
            found = await _version(connection)
            if found > VERSION:
                raise WrongVersion(f"the database has version {found}, this service knows {VERSION}")
            for version in range(found + 1, VERSION + 1):
                await connection.execute(files(__package__).joinpath(f"{version}.sql").read_text("utf-8"))
                await connection.execute(
                    "insert into meta values ('version', $1) on conflict (key) do update set value = excluded.value",
                    str(version),
                )


async def _version(connection: Connection) -> int:
    if await connection.fetchval("select to_regclass('meta')") is None:
        return 0
    return int(await connection.fetchval("select value from meta where key = 'version'") or 0)
