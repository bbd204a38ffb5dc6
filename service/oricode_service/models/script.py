"""Scripts: what a scripted model says, step by step.

    Script((
        (Say("I check the program."), Pause(1.5), Call("mcp_check_syntax", {"program": "ZX"})),
        (Fail("upstream_overloaded", times=1), Say("It is sound.")),
    ))

A script has scenes, one per turn of a run; a scene has steps. Values only: ``script_file`` reads them from files,
``scripted`` plays them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Say:
    """Answer text."""

    text: str


@dataclass(frozen=True, slots=True)
class Think:
    """Visible reasoning; played with a signature, as a real model's."""

    text: str


@dataclass(frozen=True, slots=True)
class Pause:
    """Silence, in seconds at speed 1."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call; its input is streamed in pieces."""

    tool: str
    input: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Fail:
    """The call breaks here, with a code of the error table."""

    code: str
    times: int | None = None
    """How many attempts of the turn fail; None = all."""
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Stall:
    """Silence that never ends."""


@dataclass(frozen=True, slots=True)
class Stop:
    """The reason with which the scene ends."""

    reason: str


Step = Say | Think | Pause | Call | Fail | Stall | Stop
Scene = tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Script:
    """Scenes in order; turn n of a run plays scene n."""

    scenes: tuple[Scene, ...]
    rate: float = math.inf
    """Characters per second at speed 1."""
    piece: int = 12
    """Characters per delta."""
    about: str = ""
