"""Where a request carries its key.

In: header values, and for a WebSocket the subprotocols it offers. Out: the key or ticket found. Keys in URLs are not
looked for: they would end up in logs. Nothing is verified here.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass

KEY_PREFIX = "oricode.key."
TICKET_PREFIX = "oricode.ticket."


@dataclass(frozen=True, slots=True)
class Key:
    """An API key, as presented."""

    text: str


@dataclass(frozen=True, slots=True)
class Ticket:
    """A one-use ticket, as presented."""

    text: str


def from_headers(x_api_key: str | None, authorization: str | None) -> Key | None:
    """The key of ``X-API-Key``, else of ``Authorization: Bearer``."""
    if x_api_key:
        return Key(x_api_key.strip())
    scheme, _, token = (authorization or "").partition(" ")
    return Key(token.strip()) if scheme.lower() == "bearer" and token.strip() else None


def from_subprotocols(offered: Sequence[str]) -> Key | Ticket | None:
    """The key or ticket among a WebSocket's offered subprotocols; the first one counts."""
    for name in offered:
        if name.startswith(TICKET_PREFIX):
            return Ticket(name.removeprefix(TICKET_PREFIX))
        if name.startswith(KEY_PREFIX):
            return _decoded(name.removeprefix(KEY_PREFIX))
    return None


def _decoded(text: str) -> Key | None:
    """base64url, padding optional: ``=`` is not allowed in a subprotocol's name."""
    try:
        return Key(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True).decode("ascii"))
    except (binascii.Error, ValueError):
        return None
