"""API keys, tickets and the audit log in SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable
from typing import Any

from ..rows import KeyRow

Transact = Callable[[Callable[[sqlite3.Connection], Any]], Awaitable[Any]]


class SqliteKeys:
    """Implements :class:`~oricode_service.store.port.KeyStore`, beside a running service too."""

    def __init__(self, transact: Transact, reader: sqlite3.Connection) -> None:
        self._transact = transact
        self._reader = reader

    async def add(self, key: KeyRow) -> None:
        values = (key.id, key.user, key.hash, key.admin, key.created_at, key.revoked_at)
        await self._transact(lambda db: db.execute("insert into api_key values (?, ?, ?, ?, ?, ?)", values))

    async def add_first(self, key: KeyRow) -> bool:
        values = (key.id, key.user, key.hash, key.admin, key.created_at, key.revoked_at)
        statement = "insert into api_key select ?, ?, ?, ?, ?, ? where not exists (select 1 from api_key)"
        added: bool = await self._transact(lambda db: db.execute(statement, values).rowcount > 0)
        return added

    async def get(self, key_id: str) -> KeyRow | None:
        found = self._reader.execute("select * from api_key where id = ?", (key_id,)).fetchone()
        return _key(found) if found else None

    async def all(self) -> list[KeyRow]:
        return [_key(k) for k in self._reader.execute("select * from api_key order by created_at, id")]

    async def revoke(self, key_id: str, now: int) -> bool:
        statement = "update api_key set revoked_at = ? where id = ? and revoked_at is null"
        revoked: bool = await self._transact(lambda db: db.execute(statement, (now, key_id)).rowcount > 0)
        return revoked

    async def add_ticket(self, hash: bytes, key_id: str, expires_at: int) -> None:
        await self._transact(lambda db: db.execute("insert into ticket values (?, ?, ?)", (hash, key_id, expires_at)))

    async def take_ticket(self, hash: bytes, now: int) -> str | None:
        def work(db: sqlite3.Connection) -> str | None:
            found = db.execute("delete from ticket where hash = ? returning key_id, expires_at", (hash,)).fetchone()
            return found[0] if found and found[1] > now else None

        taken: str | None = await self._transact(work)
        return taken

    async def audit(self, at: int, user: str, action: str, detail: bytes) -> None:
        statement = "insert into audit (at, user, action, detail) values (?, ?, ?, ?)"
        await self._transact(lambda db: db.execute(statement, (at, user, action, detail)))


def _key(values: tuple[Any, ...]) -> KeyRow:
    return KeyRow(values[0], values[1], values[2], bool(values[3]), values[4], values[5])
