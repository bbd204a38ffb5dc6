"""Chats in SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from ..rows import ChatRow, MessageRow
from ..text import bare, storable
from .writer import Writer

_SELECT = (
    "select no, id, user, title, created_at, updated_at,"
    " (select r.id from run r where r.chat_no = chat.no and r.status in ('queued', 'running') order by r.no limit 1)"
    " from chat"
)

_LATEST = (2**63 - 1, 0)


class SqliteChats:
    """Implements :class:`~oricode_service.store.port.ChatStore`."""

    def __init__(self, writer: Writer, reader: sqlite3.Connection) -> None:
        self._writer = writer
        self._reader = reader

    async def page(self, user: str, limit: int, before: tuple[int, int] | None) -> list[ChatRow]:
        found = self._reader.execute(
            f"{_SELECT} where user = ? and (updated_at, no) < (?, ?) order by updated_at desc, no desc limit ?",
            (user, *(before or _LATEST), limit),
        )
        return [ChatRow(*c) for c in found]

    async def get(self, user: str, chat_id: str) -> ChatRow | None:
        if not storable(chat_id):
            return None
        found = self._reader.execute(f"{_SELECT} where id = ? and user = ?", (chat_id, user)).fetchone()
        return ChatRow(*found) if found else None

    async def messages(self, chat_no: int, after: int, limit: int) -> list[tuple[int, MessageRow, str | None]]:
        found = self._reader.execute(
            "select no, run_no, turn, role, key, content, at, meta, (select id from run where run.no = run_no)"
            " from message where chat_no = ? and no > ? order by no limit ?",
            (chat_no, after, limit),
        )
        return [(m[0], MessageRow(*m[1:8]), m[8]) for m in found]

    async def rename(self, user: str, chat_id: str, title: str) -> bool:
        if not storable(chat_id):
            return False
        sql = "update chat set title = ? where id = ? and user = ?"
        return await self._writer.transact(lambda db: db.execute(sql, (bare(title), chat_id, user)).rowcount > 0)

    async def delete(self, user: str, chat_id: str) -> bool:
        if not storable(chat_id):
            return False

        def work(db: sqlite3.Connection) -> bool:
            chat = db.execute(f"{_SELECT} where id = ? and user = ?", (chat_id, user)).fetchone()
            if chat is None or chat[6] is not None:
                return False
            runs = db.execute("select no from run where chat_no = ?", (chat[0],)).fetchall()
            for table in ("event", "effect", "pending", "idempotency"):
                db.executemany(f"delete from {table} where run_no = ?", runs)
            db.execute("delete from message where chat_no = ?", (chat[0],))
            db.execute("delete from run where chat_no = ?", (chat[0],))
            db.execute("delete from chat where no = ?", (chat[0],))
            return True

        return await self._writer.transact(work)

    async def add(self, user: str, chat_id: str, title: str, messages: Sequence[MessageRow], now: int) -> bool:
        if not storable(chat_id):
            return False

        def work(db: sqlite3.Connection) -> bool:
            made = db.execute(
                "insert into chat (id, user, title, created_at, updated_at) values (?, ?, ?, ?, ?)"
                " on conflict do nothing",
                (chat_id, user, bare(title), messages[0].at if messages else now, messages[-1].at if messages else now),
            )
            if not made.rowcount:
                return False
            db.executemany(
                "insert into message (chat_no, run_no, turn, role, key, content, meta, at)"
                " values (?, null, ?, ?, ?, ?, ?, ?)",
                [(made.lastrowid, m.turn, m.role, m.key, m.content, m.meta, m.at) for m in messages],
            )
            return True

        return await self._writer.transact(work)
