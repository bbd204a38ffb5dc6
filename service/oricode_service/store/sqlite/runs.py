"""Runs, their messages, effects and questions in SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Literal

from ..port import ChatBusy, ChatNotFound, KeyReused, TooManyRuns
from ..rows import Created, EffectRow, MessageRow, NewRun, PendingRow, RunRow
from ..text import bare, storable
from .unfiled import Unfiled
from .writer import Writer

IDEMPOTENCY_MS = 24 * 3600 * 1000
SWEEP_RUNS = 20
"""Runs trimmed in one piece of work, so that a sweep never holds the writer for long."""

SELECT = (
    "select run.no, run.id, run.chat_no, chat.id, run.user, run.status, run.epoch, run.attempts, run.cancel,"
    " run.request, run.labels, run.created_at, run.started_at, run.finished_at,"
    " coalesce(run.last_seq, (select max(seq) from event where run_no = run.no), 0), run.trimmed"
    " from run join chat on chat.no = run.chat_no"
)
_LIVE = "run.status in ('queued', 'running')"


def row(values: sqlite3.Row | tuple[object, ...]) -> RunRow:
    """A row of :data:`SELECT`."""
    fields = list(values)
    fields[8], fields[15] = bool(fields[8]), bool(fields[15])
    return RunRow(*fields)


class SqliteRuns:
    """Implements :class:`~oricode_service.store.port.RunStore`."""

    def __init__(self, writer: Writer, reader: sqlite3.Connection, owner: str, unfiled: Unfiled) -> None:
        self._writer = writer
        self._reader = reader
        self._owner = owner
        self._unfiled = unfiled

    async def create(self, new: NewRun) -> Created:
        if not storable(new.chat_id):
            raise ChatNotFound
        created = await self._writer.transact(lambda db: _create(db, new, self._owner))
        if created.fresh:
            self._unfiled.began(created.run.no)
        return created

    async def began(self, user: str, idempotency_key: str, now: int) -> bool:
        if not storable(idempotency_key):
            return False
        known = "select 1 from idempotency where user = ? and key = ? and expires_at > ?"
        return self._reader.execute(known, (user, idempotency_key, now)).fetchone() is not None

    async def get(self, run_id: str, user: str | None) -> RunRow | None:
        found = self._reader.execute(
            f"{SELECT} where run.id = ? and (? is null or run.user = ?)", (run_id, user, user)
        ).fetchone()
        if not found:
            return None
        known = row(found)
        last = self._unfiled.last(known.no)  # less than the row's when that was filed a moment ago
        return replace(known, last_seq=last) if last > known.last_seq else known

    async def result(self, run_no: int) -> bytes | None:
        found = self._reader.execute("select result from run where no = ?", (run_no,)).fetchone()
        return found[0] if found else None

    async def try_start(self, run_no: int, now: int) -> int:
        def work(db: sqlite3.Connection) -> int:
            ahead: int = db.execute(
                f"select count(*) from run where {_LIVE} and no < ?1"
                " and chat_no = (select chat_no from run where no = ?1)",
                (run_no,),
            ).fetchone()[0]
            if not ahead:
                db.execute(
                    "update run set status = 'running', started_at = ? where no = ? and status = 'queued'",
                    (now, run_no),
                )
            return ahead

        return await self._writer.transact(work)

    async def claim(self, limit: int) -> list[RunRow]:
        def work(db: sqlite3.Connection) -> list[RunRow]:
            numbers = [
                no
                for (no,) in db.execute(
                    f"select no from run where {_LIVE} and owner != ? limit ?", (self._owner, limit)
                )
            ]
            for no in numbers:
                db.execute(
                    "update run set epoch = epoch + 1, attempts = attempts + (owner != ''), owner = ? where no = ?",
                    (self._owner, no),
                )
            return [row(db.execute(f"{SELECT} where run.no = ?", (no,)).fetchone()) for no in numbers]

        return await self._writer.transact(work)

    async def release(self, run_nos: Sequence[int]) -> None:
        await self._writer.transact(
            lambda db: db.executemany("update run set owner = '' where no = ?", [(no,) for no in run_nos])
        )

    async def request_cancel(self, run_no: int) -> bool:
        return await self._writer.transact(
            lambda db: (
                db.execute(f"update run set cancel = 1 where no = ? and cancel = 0 and {_LIVE}", (run_no,)).rowcount > 0
            )
        )

    async def cancels(self) -> list[int]:
        return [
            no
            for (no,) in self._reader.execute(
                f"select no from run where {_LIVE} and cancel = 1 and owner = ?", (self._owner,)
            )
        ]

    async def orders(self) -> AsyncIterator[frozenset[int] | None]:
        return
        yield None

    async def messages(self, run_no: int) -> list[MessageRow]:
        return [MessageRow(*m) for m in self._reader.execute(f"{_MESSAGE} where run_no = ? order by no", (run_no,))]

    async def history(self, chat_no: int, before_run: int) -> list[MessageRow]:
        found = self._reader.execute(
            f"{_MESSAGE} where chat_no = ? and coalesce(run_no, 0) < ? order by coalesce(run_no, 0), no",
            (chat_no, before_run),
        )
        return [MessageRow(*m) for m in found]

    async def effect(self, key: str) -> EffectRow | None:
        found = self._reader.execute(
            "select key, run_no, done_at is not null, result from effect where key = ?", (key,)
        ).fetchone()
        return EffectRow(found[0], found[1], bool(found[2]), found[3]) if found else None

    async def pending(self, run_no: int) -> list[PendingRow]:
        found = self._reader.execute(
            "select run_no, key, kind, expires_at, question, answer, answered_by, closed from pending where run_no = ?",
            (run_no,),
        )
        return [
            PendingRow(no, key, kind, at, asked, said, by, bool(shut))
            for no, key, kind, at, asked, said, by, shut in found
        ]

    async def answer(
        self, run_no: int, key: str, kind: Literal["tool", "approval"], answer: bytes, by: str, now: int,
        audit: tuple[str, bytes] | None = None,
    ) -> Literal["accepted", "already", "absent"]:  # fmt: skip
        if not storable(key):
            return "absent"

        def work(db: sqlite3.Connection) -> Literal["accepted", "already", "absent"]:
            taken = db.execute(
                "update pending set answer = ?, answered_by = ? where run_no = ? and key = ? and kind = ?"
                " and answer is null and closed = 0 and expires_at > ?",
                (answer, by, run_no, key, kind, now),
            ).rowcount
            if taken:
                if audit is not None:
                    line = (now, by, *audit)
                    db.execute("insert into audit (at, user, action, detail) values (?, ?, ?, ?)", line)
                return "accepted"
            held = db.execute(
                "select answer from pending where run_no = ? and key = ? and kind = ?", (run_no, key, kind)
            ).fetchone()
            return "already" if held and held[0] is not None else "absent"

        return await self._writer.transact(work)

    async def set_feedback(self, run_no: int, rating: str, comment: str | None, now: int) -> None:
        comment = bare(comment) if comment is not None else None
        await self._writer.transact(
            lambda db: db.execute("update run set rating = ?, comment = ? where no = ?", (rating, comment, run_no))
        )

    async def relabel(self, run_no: int, before: bytes, after: bytes) -> bool:
        sql = "update run set labels = ? where no = ? and labels = ?"
        return await self._writer.transact(lambda db: db.execute(sql, (after, run_no, before)).rowcount > 0)

    async def sweep(self, now: int, keep_ms: int) -> int:
        def work(db: sqlite3.Connection) -> int:
            old = db.execute(
                "select no from run where finished_at <= ? and trimmed = 0 limit ?", (now - keep_ms, SWEEP_RUNS)
            ).fetchall()
            db.executemany("delete from event where run_no = ?", old)
            db.executemany("update run set trimmed = 1 where no = ?", old)
            db.execute("delete from idempotency where expires_at <= ?", (now,))
            db.execute("delete from ticket where expires_at <= ?", (now,))
            return len(old)

        return await self._writer.transact(work)

    async def live(self, chat_no: int | None = None) -> list[RunRow]:
        where, values = ("", ()) if chat_no is None else ("and run.chat_no = ?", (chat_no,))
        return [row(r) for r in self._reader.execute(f"{SELECT} where {_LIVE} {where} order by run.no", values)]


_MESSAGE = "select run_no, turn, role, key, content, at, meta from message"


def _create(db: sqlite3.Connection, new: NewRun, owner: str) -> Created:
    if new.idempotency_key is not None:
        used = db.execute(
            "select digest, run_no from idempotency where user = ? and key = ? and expires_at > ?",
            (new.user, new.idempotency_key, new.now),
        ).fetchone()
        if used:
            if used[0] != new.digest:
                raise KeyReused
            return Created(row(db.execute(f"{SELECT} where run.no = ?", (used[1],)).fetchone()), fresh=False)
    if not new.new_chat:
        found = db.execute("select no from chat where id = ? and user = ?", (new.chat_id, new.user)).fetchone()
        if not found:
            raise ChatNotFound
        chat_no = found[0]
    busy = (
        ()
        if new.new_chat
        else tuple(
            row(r) for r in db.execute(f"{SELECT} where run.chat_no = ? and {_LIVE} order by run.no", (chat_no,))
        )
    )
    if busy and new.if_busy == "reject":
        raise ChatBusy
    if new.max_live:
        live = db.execute(f"select count(*) from run where key_id = ? and {_LIVE}", (new.key_id,)).fetchone()[0]
        if live >= new.max_live:
            raise TooManyRuns
    if busy and new.if_busy == "interrupt":
        db.executemany("update run set cancel = 1 where no = ?", [(r.no,) for r in busy])
    if new.new_chat:
        chat_no = db.execute(
            "insert into chat (id, user, title, created_at, updated_at) values (?, ?, ?, ?, ?)",
            (new.chat_id, new.user, bare(new.title), new.now, new.now),
        ).lastrowid
    else:
        db.execute("update chat set updated_at = ? where no = ?", (new.now, chat_no))
    status, started = ("queued", None) if busy else ("running", new.now)
    run_no = db.execute(
        "insert into run (id, chat_no, user, key_id, status, owner, epoch, request, labels, created_at, started_at)"
        " values (?, ?, ?, ?, ?, ?, 1, ?, ?, ?, ?)",
        (new.run_id, chat_no, new.user, new.key_id, status, owner, new.request, new.labels, new.now, started),
    ).lastrowid
    if new.idempotency_key is not None:
        db.execute(
            "insert or replace into idempotency (user, key, digest, run_no, expires_at) values (?, ?, ?, ?, ?)",
            (new.user, new.idempotency_key, new.digest, run_no, new.now + IDEMPOTENCY_MS),
        )
    return Created(row(db.execute(f"{SELECT} where run.no = ?", (run_no,)).fetchone()), fresh=True, busy=busy)
