"""API keys, tickets and the audit log in PostgreSQL."""

from __future__ import annotations

from ..rows import KeyRow
from ..text import bare
from .connections import Pool

_INSERT = "insert into api_key select $1, $2, $3, $4, $5, $6"
_SELECT = 'select id, "user", hash, admin, created_at, revoked_at from api_key'


class PostgresKeys:
    """Implements :class:`~oricode_service.store.port.KeyStore`, beside running services too."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def add(self, key: KeyRow) -> None:
        await self._pool.value(_INSERT, *_values(key))

    async def add_first(self, key: KeyRow) -> bool:
        async with self._pool.transaction() as connection:
            await connection.execute("lock table api_key in share row exclusive mode")
            added = f"{_INSERT} where not exists (select from api_key) returning true"
            return bool(await connection.fetchval(added, *_values(key)))

    async def get(self, key_id: str) -> KeyRow | None:
        row = await self._pool.row(f"{_SELECT} where id = $1", key_id)
        return KeyRow(*row) if row else None

    async def all(self) -> list[KeyRow]:
        return [KeyRow(*row) for row in await self._pool.all(f'{_SELECT} order by created_at, id collate "C"')]

    async def revoke(self, key_id: str, now: int) -> bool:
        sql = "update api_key set revoked_at = $2 where id = $1 and revoked_at is null returning true"
        return bool(await self._pool.value(sql, key_id, now))

    async def add_ticket(self, hash: bytes, key_id: str, expires_at: int) -> None:
        await self._pool.value(
            "insert into ticket (hash, key_id, expires_at) values ($1, $2, $3)", hash, key_id, expires_at
        )

    async def take_ticket(self, hash: bytes, now: int) -> str | None:
        taken = await self._pool.row("delete from ticket where hash = $1 returning key_id, expires_at", hash)
        return taken[0] if taken and taken[1] > now else None

    async def audit(self, at: int, user: str, action: str, detail: bytes) -> None:
        sql = 'insert into audit (at, "user", action, detail) values ($1, $2, $3, $4)'
        await self._pool.value(sql, at, bare(user), action, detail)


def _values(key: KeyRow) -> tuple[object, ...]:
    return key.id, key.user, key.hash, key.admin, key.created_at, key.revoked_at
