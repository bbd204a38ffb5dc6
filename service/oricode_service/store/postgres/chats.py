"""Chats in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence

from ..rows import ChatRow, MessageRow
from ..text import bare, storable
from .connections import Pool

_SELECT = (
    'select no, id, "user", title, created_at, updated_at,'
    " (select r.id from run r where r.chat_no = chat.no and r.status in ('queued', 'running') order by r.no limit 1)"
    " from chat"
)

_LATEST = (2**63 - 1, 0)


class PostgresChats:
    """Implements :class:`~oricode_service.store.port.ChatStore`."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def page(self, user: str, limit: int, before: tuple[int, int] | None) -> list[ChatRow]:
        at, no = before or _LATEST
        found = await self._pool.all(
            f'{_SELECT} where "user" = $1 and (updated_at, no) < ($2::bigint, $3::bigint)'
            " order by updated_at desc, no desc limit $4",
            user, at, no, limit,
        )  # fmt: skip
        return [ChatRow(*row) for row in found]

    async def get(self, user: str, chat_id: str) -> ChatRow | None:
        if not storable(chat_id):
            return None
        row = await self._pool.row(f'{_SELECT} where id = $1 and "user" = $2', chat_id, user)
        return ChatRow(*row) if row else None

    async def messages(self, chat_no: int, after: int, limit: int) -> list[tuple[int, MessageRow, str | None]]:
        found = await self._pool.all(
            "select no, run_no, turn, role, key, content, at, meta, (select id from run where run.no = run_no)"
            " from message where chat_no = $1 and no > $2 order by no limit $3",
            chat_no, after, limit,
        )  # fmt: skip
        return [(row[0], MessageRow(*row[1:8]), row[8]) for row in map(tuple, found)]

    async def rename(self, user: str, chat_id: str, title: str) -> bool:
        if not storable(chat_id):
            return False
        sql = 'update chat set title = $3 where id = $2 and "user" = $1 returning true'
        return bool(await self._pool.value(sql, user, chat_id, bare(title)))

    async def delete(self, user: str, chat_id: str) -> bool:
        if not storable(chat_id):
            return False
        async with self._pool.transaction() as connection:
            # The lock keeps new runs of this chat out until the end.
            sql = 'select no from chat where id = $1 and "user" = $2 for update'
            no = await connection.fetchval(sql, chat_id, user)
            runs = await connection.fetch("select no, status in ('queued', 'running') from run where chat_no = $1", no)
            if no is None or any(live for _, live in runs):
                return False
            for table in ("event", "effect", "pending", "idempotency"):
                await connection.execute(f"delete from {table} where run_no = any($1::bigint[])", [n for n, _ in runs])
            await connection.execute("delete from message where chat_no = $1", no)
            await connection.execute("delete from run where chat_no = $1", no)
            await connection.execute("delete from chat where no = $1", no)
            return True

    async def add(self, user: str, chat_id: str, title: str, messages: Sequence[MessageRow], now: int) -> bool:
        if not storable(chat_id):
            return False
        begun, ended = (messages[0].at, messages[-1].at) if messages else (now, now)
        async with self._pool.transaction() as connection:
            no = await connection.fetchval(
                'insert into chat (id, "user", title, created_at, updated_at) values ($1, $2, $3, $4, $5)'
                " on conflict do nothing returning no",
                chat_id, user, bare(title), begun, ended,
            )  # fmt: skip
            if no is None:
                return False
            await connection.executemany(
                "insert into message (chat_no, turn, role, key, content, meta, at) values ($1, $2, $3, $4, $5, $6, $7)",
                [(no, m.turn, m.role, m.key, m.content, m.meta, m.at) for m in messages],
            )
            return True
