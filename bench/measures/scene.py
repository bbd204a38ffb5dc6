"""What every measure is given, and what it is: a name, a title, columns, and a way to run it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from ..generator import Result

Results = dict[str, list[Result]]
"""Rows of a table: of each peer (or case) what was found in each round, also in rounds that do not count."""


@dataclass(frozen=True)
class Scene:
    """How thorough a run of the benchmark is."""

    peers: tuple[str, ...]
    scratch: Path
    rounds: int
    """That count, of each peer."""
    spare: int
    """That are repeated at most, of each peer, because of other processes."""

    def only(self, *names: str) -> tuple[str, ...]:
        """Those of ``names`` that take part."""
        return tuple(name for name in names if name in self.peers)


class Column(NamedTuple):
    """A figure of a table."""

    key: str
    label: str
    ratio: bool = True
    """Whether it is also shown as a ratio to the base row."""


class Measure(NamedTuple):
    """One table."""

    name: str
    title: str
    columns: tuple[Column, ...]
    run: Callable[[Scene], Results]
    base: str
    """The row that others are compared with."""
