"""Text that every database takes: PostgreSQL refuses NUL, and both refuse lone surrogates."""

from __future__ import annotations

from oricode_protocol.codec import mend


def bare(text: str) -> str:
    """``text`` as it can be stored: without NUL, lone surrogates replaced."""
    return mend(text.replace("\0", ""))


def storable(text: str) -> bool:
    """Whether ``text`` could be stored as it is; nothing can be found under a name that could not."""
    return text == bare(text)
