"""Runs, their messages, effects and questions in PostgreSQL.

Whatever changes a run tells the other processes where to look. A start or a take-over whose answer was lost may have
happened all the same: such runs would be owned by a process that does not know of them, so they are given up before
anything is claimed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Literal

from ..port import ChatBusy, ChatNotFound, KeyReused, StoreUnavailable, TooManyRuns
from ..rows import Created, EffectRow, MessageRow, NewRun, PendingRow, RunRow
from ..text import bare, storable
from .connections import Pool
from .hints import Hints
from .lease import Lease

IDEMPOTENCY_MS = 24 * 3600 * 1000
SWEEP_RUNS = 20
"""Runs trimmed in one piece of work, so that no transaction gets long."""
DOUBT_SECONDS = 60.0
"""A statement whose connection broke may still be carried out for about this long."""

_LIVE = "run.status in ('queued', 'running')"
_SELECT = (
    'select run.no, run.id, run.chat_no, chat.id, run."user", run.status, run.epoch, run.attempts, run.cancel,'
    " run.request, run.labels, run.created_at, run.started_at, run.finished_at,"
    " coalesce(run.last_seq, (select max(seq) from event where run_no = run.no), 0), run.trimmed"
    " from run join chat on chat.no = run.chat_no"
)
_ANSWER = """
with taken as (
    update pending set answer = $4, answered_by = $5 where run_no = $1 and key = $2 and kind = $3
    and answer is null and not closed and expires_at > $6 returning true
), noted as (
    insert into audit (at, "user", action, detail) select $6, $5, $7, $8 from taken where $7::text is not null
)
select true from taken
"""
_MESSAGE = "select run_no, turn, role, key, content, at, meta from message"
_CREATE = "select * from create_run($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)"
_TRY_START = f"""
with ahead as (
    select count(*) as runs from run, run own
    where own.no = $1 and run.chat_no = own.chat_no and run.no < own.no and {_LIVE}
), started as (
    update run set status = 'running', started_at = $2
    from ahead where no = $1 and status = 'queued' and owner = $3 and ahead.runs = 0
)
select runs from ahead
"""
_FREE = f"""
select no, id, epoch from run
where {_LIVE} and owner in (select '' union all select id from instance where dead) order by no limit $1
"""
# Matched by epoch as well: whoever took a run meanwhile has raised it, and keeps the run.
_CLAIM = """
with free as (
    select run.no from run join unnest($2::bigint[], $3::integer[]) as seen(no, epoch) using (no)
    where run.epoch = seen.epoch for update of run skip locked
)
update run set epoch = epoch + 1, attempts = attempts + (owner <> '')::integer, owner = $1
from free where run.no = free.no and alive($1) returning run.no
"""
_GIVE_UP = f"""
update run set owner = '', cancel = cancel or id = any($3::text[])
where owner = $1 and id = any($2::text[]) and {_LIVE} returning id
"""
_SWEEP = f"""
with old as (
    select no from run where finished_at <= $1 and not trimmed order by finished_at limit {SWEEP_RUNS}
    for update skip locked
), events as (
    delete from event using old where run_no = old.no
), trimmed as (
    update run set trimmed = true from old where run.no = old.no
), keys as (
    delete from idempotency where expires_at <= $2
), tickets as (
    delete from ticket where expires_at <= $2
), windows as (
    delete from rate_window where ends_at < clock_timestamp()
)
select count(*) from old
"""


class PostgresRuns:
    """Implements :class:`~oricode_service.store.port.RunStore`."""

    def __init__(self, pool: Pool, lease: Lease, hints: Hints) -> None:
        self._pool = pool
        self._lease = lease
        self._hints = hints
        self._doubtful: dict[str, tuple[bool, float]] = {}
        """Run id -> (whether nobody can want it any more, loop time until which it may still turn up)."""

    async def create(self, new: NewRun) -> Created:
        key = new.idempotency_key.encode("utf-8", "surrogatepass") if new.idempotency_key is not None else None
        if not storable(new.chat_id):
            raise ChatNotFound
        try:
            made = await self._pool.row(
                _CREATE, self._lease.me, new.run_id, new.chat_id, new.new_chat, new.user, new.key_id, bare(new.title),
                new.request, new.labels, new.if_busy, key, new.digest, new.now + IDEMPOTENCY_MS, new.max_live, new.now,
            )  # fmt: skip
        except StoreUnavailable:
            self._doubt([new.run_id], unwanted=key is None)
            raise
        assert made is not None
        verdict, run_no, chat_no, busy = made
        match verdict:
            case "no_chat":
                raise ChatNotFound
            case "busy":
                raise ChatBusy
            case "too_many":
                raise TooManyRuns
            case "reused":
                raise KeyReused
            case "fenced":
                self._lease.lost()
            case "again":
                return Created((await self._rows([run_no]))[0], fresh=False)
        if not busy:
            return Created(_fresh(new, run_no, chat_no), fresh=True)
        if new.if_busy == "interrupt":
            self._hints.say(orders=busy)
        *ahead, own = await self._rows([*busy, run_no])
        return Created(own, fresh=True, busy=tuple(ahead))

    async def began(self, user: str, idempotency_key: str, now: int) -> bool:
        known = 'select true from idempotency where "user" = $1 and key = $2 and expires_at > $3'
        return bool(await self._pool.value(known, user, idempotency_key.encode("utf-8", "surrogatepass"), now))

    async def get(self, run_id: str, user: str | None) -> RunRow | None:
        row = await self._pool.row(
            f'{_SELECT} where run.id = $1 and ($2::text is null or run."user" = $2)', run_id, user
        )
        return RunRow(*row) if row else None

    async def result(self, run_no: int) -> bytes | None:
        result: bytes | None = await self._pool.value("select result from run where no = $1", run_no)
        return result

    async def try_start(self, run_no: int, now: int) -> int:
        ahead: int = await self._pool.value(_TRY_START, run_no, now, self._lease.me)
        return ahead

    async def claim(self, limit: int) -> list[RunRow]:
        await self._settle_doubts()
        free = await self._pool.all(_FREE, limit)
        if not free:
            return []
        try:
            taken = await self._pool.all(
                _CLAIM, self._lease.me, [no for no, _, _ in free], [epoch for _, _, epoch in free]
            )
            rows = await self._rows([no for (no,) in taken])
        except StoreUnavailable:
            self._doubt([id for _, id, _ in free], unwanted=False)
            raise
        for row in rows:
            self._doubtful.pop(row.id, None)
        return rows

    def _doubt(self, ids: list[str], *, unwanted: bool) -> None:
        until = asyncio.get_running_loop().time() + DOUBT_SECONDS
        self._doubtful.update((id, (unwanted, until)) for id in ids)

    async def _settle_doubts(self) -> None:
        """Give up what may be ours without our knowing; a start that the client was told had failed is cancelled."""
        if not self._doubtful:
            return
        unwanted = [id for id, (nobody_wants_it, _) in self._doubtful.items() if nobody_wants_it]
        given_up = await self._pool.all(_GIVE_UP, self._lease.me, list(self._doubtful), unwanted)
        for (id,) in given_up:
            del self._doubtful[id]
        now = asyncio.get_running_loop().time()
        self._doubtful = {id: doubt for id, doubt in self._doubtful.items() if doubt[1] > now}

    async def release(self, run_nos: Sequence[int]) -> None:
        sql = "update run set owner = '' where no = any($1::bigint[]) and owner = $2"
        await self._pool.value(sql, list(run_nos), self._lease.me)
        self._hints.say(free=True)
        await self._hints.flush(self._pool)

    async def request_cancel(self, run_no: int) -> bool:
        sql = f"update run set cancel = true where no = $1 and not cancel and {_LIVE} returning true"
        fresh = bool(await self._pool.value(sql, run_no))
        if fresh:
            self._hints.say(orders=[run_no])
        return fresh

    async def cancels(self) -> list[int]:
        sql = f"select no from run where {_LIVE} and cancel and owner = $1"
        return [no for (no,) in await self._pool.all(sql, self._lease.me)]

    def orders(self) -> AsyncIterator[frozenset[int] | None]:
        return self._hints.orders.listen()

    async def messages(self, run_no: int) -> list[MessageRow]:
        return [MessageRow(*m) for m in await self._pool.all(f"{_MESSAGE} where run_no = $1 order by no", run_no)]

    async def history(self, chat_no: int, before_run: int) -> list[MessageRow]:
        sql = f"{_MESSAGE} where chat_no = $1 and coalesce(run_no, 0) < $2 order by coalesce(run_no, 0), no"
        return [MessageRow(*m) for m in await self._pool.all(sql, chat_no, before_run)]

    async def effect(self, key: str) -> EffectRow | None:
        row = await self._pool.row("select key, run_no, done_at is not null, result from effect where key = $1", key)
        return EffectRow(*row) if row else None

    async def pending(self, run_no: int) -> list[PendingRow]:
        sql = (
            "select run_no, key, kind, expires_at, question, answer, answered_by, closed from pending where run_no = $1"
        )
        return [PendingRow(*row) for row in await self._pool.all(sql, run_no)]

    async def answer(
        self, run_no: int, key: str, kind: Literal["tool", "approval"], answer: bytes, by: str, now: int,
        audit: tuple[str, bytes] | None = None,
    ) -> Literal["accepted", "already", "absent"]:  # fmt: skip
        if not storable(key):
            return "absent"
        action, detail = audit or (None, None)
        taken = await self._pool.value(_ANSWER, run_no, key, kind, answer, by, now, action, detail)
        if taken:
            self._hints.say(orders=[run_no])
            return "accepted"
        answered = await self._pool.value(
            "select answer is not null from pending where run_no = $1 and key = $2 and kind = $3", run_no, key, kind
        )
        return "already" if answered else "absent"

    async def set_feedback(self, run_no: int, rating: str, comment: str | None, now: int) -> None:
        comment = bare(comment) if comment is not None else None
        await self._pool.value("update run set rating = $2, comment = $3 where no = $1", run_no, rating, comment)

    async def relabel(self, run_no: int, before: bytes, after: bytes) -> bool:
        sql = "update run set labels = $3 where no = $1 and labels = $2 returning true"
        return bool(await self._pool.value(sql, run_no, before, after))

    async def sweep(self, now: int, keep_ms: int) -> int:
        trimmed: int = await self._pool.value(_SWEEP, now - keep_ms, now)
        await self._lease.sweep(self._pool)
        return trimmed

    async def live(self, chat_no: int | None = None) -> list[RunRow]:
        where, values = ("", []) if chat_no is None else ("and run.chat_no = $1", [chat_no])
        found = await self._pool.all(f"{_SELECT} where {_LIVE} {where} order by run.no", *values)
        return [RunRow(*row) for row in found]

    async def _rows(self, run_nos: Sequence[int]) -> list[RunRow]:
        sql = f"{_SELECT} where run.no = any($1::bigint[]) order by run.no"
        return [RunRow(*row) for row in await self._pool.all(sql, list(run_nos))]


def _fresh(new: NewRun, run_no: int, chat_no: int) -> RunRow:
    """The row of a run that was made just now and waits for no other: known without reading it back."""
    return RunRow(
        run_no, new.run_id, chat_no, new.chat_id, new.user, "running", 1, 0, False, new.request, new.labels, new.now,
        new.now, None, 0, False,
    )  # fmt: skip
