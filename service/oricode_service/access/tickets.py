"""One-use tickets, for browsers whose WebSocket cannot carry a header.

In: a recognised key id, later the ticket. Out: the caller, once, within 30 seconds. Only the ticket's hash is stored;
the key must still hold when the ticket is used.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable

from oricode_protocol.errors import error

from oricode_service.access.keys import Caller, Keys
from oricode_service.store.port import KeyStore

LIFETIME_MS = 30_000


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


class Tickets:
    """Issues and takes tickets."""

    def __init__(self, store: KeyStore, keys: Keys, *, clock: Callable[[], int] = _now_ms) -> None:
        """``clock``: milliseconds since the epoch."""
        self._store = store
        self._keys = keys
        self._clock = clock

    async def issue(self, key_id: str) -> str:
        """A ticket that stands for this key for :data:`LIFETIME_MS`; a WebSocket subprotocol may hold it."""
        ticket = secrets.token_urlsafe(32)
        await self._store.add_ticket(_digest(ticket), key_id, self._clock() + LIFETIME_MS)
        return ticket

    async def take(self, ticket: str) -> Caller:
        """Who the ticket stands for. Raises ``unauthorized`` (unknown, used, expired) or ``key_revoked``."""
        key_id = await self._store.take_ticket(_digest(ticket), self._clock())
        if key_id is None:
            raise error("unauthorized", "This ticket is unknown, used or expired; ask for a new one.")
        return await self._keys.by_id(key_id)


def _digest(ticket: str) -> bytes:
    return hashlib.sha256(ticket.encode("utf-8", "surrogatepass")).digest()
