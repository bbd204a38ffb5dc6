"""The chunk store in a dict: the port's promises without a database."""

from __future__ import annotations

from dataclasses import dataclass, field

from oricode_service.tools.programs import Change, Deployment, Program, ProgramEntry, StoredState


@dataclass
class _Row:
    total: int
    language: str | None = None
    chunks: dict[int, str] = field(default_factory=dict)
    deployed: dict[str, Deployment] = field(default_factory=dict)
    updated_at: int = 0

    @property
    def missing(self) -> tuple[int, ...]:
        return tuple(index for index in range(self.total) if index not in self.chunks)


class MemoryPrograms:
    """Implements ``Programs``; its clock counts the changes."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str], _Row] = {}
        self._now = 0

    async def put_chunk(
        self, user: str, program: str, *, index: int, total: int, code: str, language: str | None
    ) -> StoredState:
        row = self._rows.setdefault((user, program), _Row(total))
        change: Change = "added"
        if row.total != total:
            row.total, row.chunks, change = total, {}, "restarted"
        elif row.chunks.get(index) == code:
            change = "unchanged"
        elif index in row.chunks:
            change = "replaced"
        if change != "unchanged":
            self._now += 1
            row.updated_at = self._now
        row.chunks[index] = code
        row.language = language or row.language
        return StoredState(len(row.chunks), total, row.missing, change)

    async def program(self, user: str, name: str) -> Program | None:
        row = self._rows.get((user, name))
        if row is None:
            return None
        return Program(
            name=name,
            language=row.language,
            source="".join(row.chunks[index] for index in sorted(row.chunks)),
            chunks=len(row.chunks),
            total=row.total,
            missing=row.missing,
            deployed=tuple(sorted(row.deployed.values(), key=lambda d: d.at, reverse=True)),
        )

    async def programs(self, user: str) -> list[ProgramEntry]:
        return [
            ProgramEntry(name, row.language, len(row.chunks), row.total, row.updated_at)
            for (owner, name), row in sorted(self._rows.items())
            if owner == user
        ]

    async def set_deployed(self, user: str, name: str, deployment: Deployment) -> None:
        if row := self._rows.get((user, name)):
            row.deployed[deployment.target] = deployment
