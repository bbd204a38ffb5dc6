"""The sizes in which a model's words are shown: whole characters, and no delta longer than stock readers take.

In: the pieces of one block, as a provider cut them. Out: the same text, cut so that each piece can be read by itself. A
character beyond U+FFFF (most emoji) may cross JSON as two escapes, the halves of a surrogate pair, and a provider may
end a delta between them. Many parsers refuse half a character: it is held back until its other half comes, and shown as
it is should that never happen.

Everything here is the exception. The turn looks for it in its own lines, because it looks at every delta.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..models.port import Delta, Kind, Pieces

LONGEST = 8 * 1024
"""Characters of a delta. Whatever a provider sends at once, a line or frame stays below what stock readers take."""


@dataclass(frozen=True, slots=True)
class Half:
    """The first half of a character that a delta was cut in, and the block it belongs to."""

    kind: Kind
    index: int
    text: str

    def continued_by(self, delta: Delta) -> bool:
        """Whether ``delta`` goes on where the one before ended."""
        same = delta.kind is self.kind if type(delta) is Pieces else type(delta) is self.kind
        return same and getattr(delta, "index", None) == self.index


def whole(kind: Kind, index: int, pieces: list[str], before: Half | None) -> tuple[list[str], Half | None]:
    """``pieces`` with the half from ``before``; one that they end in is taken off, to be held back.

    ``before`` is of this very block, and ``pieces`` are not empty; what is returned may be.
    """
    last = pieces[-1]
    half = Half(kind, index, last[-1]) if "\ud800" <= last[-1:] <= "\udbff" else None
    joined = [(before.text if before is not None else "") + pieces[0], *pieces[1:]]
    if half is not None:
        joined[-1] = joined[-1][:-1]
    return [piece for piece in joined if piece], half


def cut(pieces: list[str]) -> list[str]:
    """``pieces`` with the long ones in several; the same list when none is."""
    if max(map(len, pieces)) <= LONGEST:
        return pieces
    return [piece[at : at + LONGEST] for piece in pieces for at in range(0, len(piece) or 1, LONGEST)]
