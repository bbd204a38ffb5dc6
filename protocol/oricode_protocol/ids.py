"""Identifiers and the cursor.

A cursor is the id of an event, ``<run>.<epoch>.<seq>``: enough by itself to resume a run on any instance and any
transport. Clients treat it as opaque. Ids are made of ``[A-Za-z0-9_-]`` only, so that they are safe in URLs, SSE
fields, headers and logs.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from typing import Final

_ALPHABET: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}\Z", re.ASCII)
_CURSOR = re.compile(r"([A-Za-z0-9_-]{1,64})\.(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,14})\Z", re.ASCII)


class MalformedCursor(ValueError):
    """The text is no cursor of this protocol."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in a run's log: behind event ``seq`` as written by ``epoch``."""

    run: str
    epoch: int
    """Fencing token of the process that wrote the event; 0 only at the start."""
    seq: int
    """Dense from 1 within a run, over all epochs; 0 = before the first event."""

    @classmethod
    def start(cls, run: str) -> Cursor:
        """The cursor before the first event of ``run``."""
        return cls(run, 0, 0)

    @classmethod
    def parse(cls, text: str) -> Cursor:
        """Read ``<run>.<epoch>.<seq>``; raises :class:`MalformedCursor` for anything else."""
        match = _CURSOR.match(text)
        if match is None:
            raise MalformedCursor("an event id has the form <run>.<epoch>.<seq>")
        run, epoch, seq = match[1], int(match[2]), int(match[3])
        if (epoch == 0) != (seq == 0):
            raise MalformedCursor("epoch and seq start together, at 1")
        return cls(run, epoch, seq)

    @property
    def at_start(self) -> bool:
        """True when nothing has been seen yet."""
        return self.seq == 0

    def __str__(self) -> str:
        return f"{self.run}.{self.epoch}.{self.seq}"


def is_id(text: str) -> bool:
    """Whether ``text`` could be an id of a run, chat, message, call or approval."""
    return _ID.match(text) is not None


def new_id(kind: str) -> str:
    """A fresh id such as ``run_4fT…`` with 22 random characters (131 bits)."""
    number, characters = secrets.randbits(131), []
    for _ in range(22):
        number, place = divmod(number, len(_ALPHABET))
        characters.append(_ALPHABET[place])
    return f"{kind}_{''.join(characters)}"
