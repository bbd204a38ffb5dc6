"""Programs in chunks, in SQLite: implements the tools' :class:`~oricode_service.tools.programs.Programs`."""

from __future__ import annotations

import sqlite3
import time

from ...tools.programs import Change, Deployment, Program, ProgramEntry, StoredState
from ..text import storable
from .writer import Writer


class SqlitePrograms:
    """Implements :class:`~oricode_service.tools.programs.Programs`."""

    def __init__(self, writer: Writer, reader: sqlite3.Connection) -> None:
        self._writer = writer
        self._reader = reader

    async def put_chunk(
        self, user: str, program: str, *, index: int, total: int, code: str, language: str | None
    ) -> StoredState:
        return await self._writer.transact(lambda db: _put(db, user, program, index, total, code, language))

    async def program(self, user: str, name: str) -> Program | None:
        if not storable(name):
            return None
        db = self._reader
        found = db.execute(
            "select no, language, total from program where user = ? and name = ?", (user, name)
        ).fetchone()
        if found is None:
            return None
        no, language, total = found
        chunks = dict(db.execute("select idx, code from chunk where program_no = ? order by idx", (no,)).fetchall())
        deployed = db.execute(
            "select target, version, sha256, tool_call_id, at from deployment where program_no = ? order by at desc",
            (no,),
        )
        return Program(
            name, language, "".join(chunks.values()), len(chunks), total, _missing(chunks, total),
            tuple(Deployment(*d) for d in deployed),
        )  # fmt: skip

    async def programs(self, user: str) -> list[ProgramEntry]:
        found = self._reader.execute(
            "select name, language, (select count(*) from chunk where program_no = no), total, updated_at"
            " from program where user = ? order by name",
            (user,),
        )
        return [ProgramEntry(*p) for p in found]

    async def set_deployed(self, user: str, name: str, deployment: Deployment) -> None:
        d = deployment
        await self._writer.transact(
            lambda db: db.execute(
                "insert or replace into deployment (program_no, target, version, sha256, tool_call_id, at)"
                " select no, ?, ?, ?, ?, ? from program where user = ? and name = ?",
                (d.target, d.version, d.sha256, d.tool_call_id, d.at, user, name),
            )
        )


def _put(
    db: sqlite3.Connection, user: str, name: str, index: int, total: int, code: str, language: str | None
) -> StoredState:
    now = time.time_ns() // 1_000_000
    change: Change
    found = db.execute("select no, total from program where user = ? and name = ?", (user, name)).fetchone()
    if found is None:
        statement = "insert into program (user, name, language, total, updated_at) values (?, ?, ?, ?, ?)"
        no, change = db.execute(statement, (user, name, language, total, now)).lastrowid, "added"
    else:
        no = found[0]
        held = db.execute("select code from chunk where program_no = ? and idx = ?", (no, index)).fetchone()
        if found[1] != total:
            db.execute("delete from chunk where program_no = ?", (no,))
            change = "restarted"
        elif held is None:
            change = "added"
        else:
            change = "unchanged" if held[0] == code else "replaced"
        if language is not None:  # counts even when the chunk is unchanged
            db.execute("update program set language = ? where no = ?", (language, no))
        if change != "unchanged":
            db.execute("update program set total = ?, updated_at = ? where no = ?", (total, now, no))
    if change != "unchanged":
        db.execute("insert or replace into chunk (program_no, idx, code) values (?, ?, ?)", (no, index, code))
    stored = {i: "" for (i,) in db.execute("select idx from chunk where program_no = ?", (no,))}
    return StoredState(len(stored), total, _missing(stored, total), change)


def _missing(chunks: dict[int, str], total: int) -> tuple[int, ...]:
    return tuple(index for index in range(total) if index not in chunks)
