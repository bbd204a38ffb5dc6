"""No peer is timed before a viewer of it was left with exactly what the upstream said."""

from __future__ import annotations

import re

from ..generator import load
from ..peers.process import Peer

WORDS = "some words"


class NotForwarded(Exception):
    """A peer's viewer was left with something else."""


def verify(peer: Peer, deltas: int, *, numbered: bool) -> None:
    """One stream, its text compared: numbers from 0, or send times that must be of that form and grow.

    Raises :class:`NotForwarded`.
    """
    found = load(peer.spec(1, deltas, keep=True))
    if not is_whole(found["text"], deltas, numbered=numbered) or found["exact"] != 1:
        raise NotForwarded(f"{peer.name}: {found['events']} of {deltas} events, text {found['text'][:200]!r}")


def is_whole(text: str, deltas: int, *, numbered: bool) -> bool:
    """Whether that is the text of all deltas, each once and in order."""
    if numbered:
        return text == "".join(f"@{number}@ {WORDS}" for number in range(deltas))
    times = [int(time) for time in re.findall(r"@(\d+)@", text)]
    rebuilt = "".join(f"@{time}@ {WORDS}" for time in times)
    return rebuilt == text and len(times) == deltas and times == sorted(set(times))
