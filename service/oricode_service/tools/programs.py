"""The durable store of programs that a model writes in chunks: a port, implemented by the stores.

In: chunks with their place in the whole. Out: what is stored, what is missing, and what was deployed where. A program
belongs to one user and is keyed by its canonical name (``program_names``). Nothing here knows how rows are kept;
``store`` implements :class:`Programs` over its tables, tests over a dict.

What an implementation promises:

- Every method is one transaction; ``put_chunk`` and ``set_deployed`` are on disk when they return, so that a run that
  was killed goes on behind the last stored chunk.
- Callers pass canonical names, text without NUL and without lone surrogates (PostgreSQL takes neither), and
  ``0 <= index < total``; an implementation need not check them again.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Literal, Protocol

MAX_CHUNKS = 500
MAX_CHUNK_CHARACTERS = 200_000

Change = Literal["added", "replaced", "unchanged", "restarted"]


@dataclass(frozen=True, slots=True)
class StoredState:
    """What a program looks like after a chunk was put."""

    chunks: int
    """How many chunks are stored."""
    total: int
    """How many there will be."""
    missing: tuple[int, ...]
    """Chunk indexes not stored yet, ascending."""
    change: Change
    """``restarted``: the total differs from the stored one, so all earlier chunks were dropped first."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """The newest deployment of a program to one target."""

    target: str
    """``directory``, ``sap-adt``, …"""
    version: int | None
    """Counted by the target, from 1; None when the target has no such count."""
    sha256: str
    """Of the UTF-8 bytes of the source that was deployed."""
    tool_call_id: str
    at: int
    """Milliseconds since the epoch."""


@dataclass(frozen=True, slots=True)
class Program:
    """A stored program, assembled."""

    name: str
    language: str | None
    """As its chunks said last, ``languages.canonical`` spelling; None when they never said."""
    source: str
    """The stored chunks joined in order; not the whole program while ``missing`` is not empty."""
    chunks: int
    total: int
    missing: tuple[int, ...]
    deployed: tuple[Deployment, ...]
    """The newest deployment per target, newest first; survives later uploads."""

    @property
    def complete(self) -> bool:
        return not self.missing

    @property
    def sha256(self) -> str:
        return sha256(self.source.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class ProgramEntry:
    """A line of a user's list of programs."""

    name: str
    language: str | None
    chunks: int
    total: int
    updated_at: int
    """When a chunk last changed; milliseconds since the epoch."""


class Programs(Protocol):
    """The programs of all users."""

    async def put_chunk(
        self, user: str, program: str, *, index: int, total: int, code: str, language: str | None
    ) -> StoredState:
        """Store chunk ``index`` (from 0) of ``total``.

        A chunk that is there already with the same text is left alone (``unchanged``), another text replaces it. A
        ``total`` other than the stored one is a new upload: the old chunks go, this one is the first of the new set,
        deployments stay. ``language`` None keeps what is stored; another one counts even when the chunk is unchanged.
        """
        ...

    async def program(self, user: str, name: str) -> Program | None:
        """The program, or None when this user has none of that name."""
        ...

    async def programs(self, user: str) -> list[ProgramEntry]:
        """All programs of a user, by name."""
        ...

    async def set_deployed(self, user: str, name: str, deployment: Deployment) -> None:
        """Remember a deployment; replaces an earlier one to the same target. Unknown programs are ignored."""
        ...


def spans(indexes: tuple[int, ...]) -> str:
    """Indexes as people write them: ``(2, 4, 5, 6)`` -> ``2, 4-6``."""
    parts: list[list[int]] = []
    for index in indexes:
        if parts and parts[-1][1] == index - 1:
            parts[-1][1] = index
        else:
            parts.append([index, index])
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in parts)
