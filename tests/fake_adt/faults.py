"""Faults to order. In: which request. Out: what goes wrong with it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Literal


@dataclass
class Fault:
    """Strikes requests whose method matches and whose path with query contains ``where``, ``times`` times."""

    method: str
    where: str
    how: Literal["status", "drop", "drop after", "stall", "garbage"]
    """``drop`` closes the connection before anything happened, ``drop after`` when it has happened; ``stall`` waits for
    ``release``; ``garbage`` answers 200 with something else than XML."""
    status: int = 500
    body: str = ""
    times: int = 1
    struck: asyncio.Event = field(default_factory=asyncio.Event)
    release: asyncio.Event = field(default_factory=asyncio.Event)

    def strikes(self, method: str, target: str) -> bool:
        if self.times == 0 or method != self.method or self.where not in target:
            return False
        self.times -= 1
        self.struck.set()
        return True
