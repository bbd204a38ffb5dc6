"""Programs in chunks, in PostgreSQL. Writes carry the fence: whoever was taken over must not store an old chunk."""

from __future__ import annotations

import time

from ...tools.programs import Deployment, Program, ProgramEntry, StoredState
from ..text import storable
from .connections import Pool
from .lease import Lease

_PUT = "select change, held from put_chunk($1, $2, $3, $4, $5, $6, $7, $8)"
_DEPLOYED = """
insert into deployment (program_no, target, version, sha256, tool_call_id, at)
select no, $4, $5, $6, $7, $8 from program where "user" = $2 and name = $3 and alive($1)
on conflict (program_no, target) do update set version = excluded.version, sha256 = excluded.sha256,
    tool_call_id = excluded.tool_call_id, at = excluded.at
"""


class PostgresPrograms:
    """Implements :class:`~oricode_service.tools.programs.Programs`."""

    def __init__(self, pool: Pool, lease: Lease) -> None:
        self._pool = pool
        self._lease = lease

    async def put_chunk(
        self, user: str, program: str, *, index: int, total: int, code: str, language: str | None
    ) -> StoredState:
        now = time.time_ns() // 1_000_000
        put = await self._pool.row(_PUT, self._lease.me, user, program, index, total, code, language, now)
        if put is None:
            self._lease.lost()
        change, held = put
        return StoredState(len(held), total, _missing(held, total), change)

    async def program(self, user: str, name: str) -> Program | None:
        if not storable(name):
            return None
        found = await self._pool.row(
            'select no, language, total from program where "user" = $1 and name = $2', user, name
        )
        if found is None:
            return None
        no, language, total = found
        chunks = dict(await self._pool.all("select idx, code from chunk where program_no = $1 order by idx", no))
        deployed = await self._pool.all(
            "select target, version, sha256, tool_call_id, at from deployment where program_no = $1 order by at desc",
            no,
        )
        return Program(
            name, language, "".join(chunks.values()), len(chunks), total, _missing(chunks, total),
            tuple(Deployment(*d) for d in deployed),
        )  # fmt: skip

    async def programs(self, user: str) -> list[ProgramEntry]:
        found = await self._pool.all(
            "select name, language, (select count(*) from chunk where program_no = no), total, updated_at"
            ' from program where "user" = $1 order by name collate "C"',
            user,
        )
        return [ProgramEntry(*p) for p in found]

    async def set_deployed(self, user: str, name: str, deployment: Deployment) -> None:
        d = deployment
        await self._pool.value(
            _DEPLOYED, self._lease.me, user, name, d.target, d.version, d.sha256, d.tool_call_id, d.at
        )


def _missing(held: list[int] | dict[int, str], total: int) -> tuple[int, ...]:
    return tuple(index for index in range(total) if index not in held)
