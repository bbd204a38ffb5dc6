"""Ends open connections whose key was revoked.

In: key ids of open connections, each with what to do when the key no longer holds. Out: that call, within about two
seconds of the revocation, whichever process made it: the store is asked once per key, not per connection. A store that
cannot be reached revokes nobody.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from oricode_service.store.port import KeyStore, StoreUnavailable

log = logging.getLogger(__name__)

INTERVAL_SECONDS = 2.0
_LOOKUPS_AT_ONCE = 100

Ending = Callable[[], None]
"""Must not raise and must not block; called once, on the loop."""


class Revocations:
    """Owned by the application; :meth:`run` is one of its tasks."""

    def __init__(self, store: KeyStore) -> None:
        self._store = store
        self._watched: dict[str, dict[object, Ending]] = {}

    @contextmanager
    def watching(self, key_id: str, on_revoked: Ending) -> Iterator[None]:
        """While the block runs, ``on_revoked`` is called once should the key be revoked."""
        ticket = object()
        self._watched.setdefault(key_id, {})[ticket] = on_revoked
        try:
            yield
        finally:
            endings = self._watched.get(key_id)
            if endings is not None:
                endings.pop(ticket, None)
                if not endings:
                    del self._watched[key_id]

    async def run(self, interval: float = INTERVAL_SECONDS) -> None:
        """Check for ever, until cancelled."""
        while True:
            await asyncio.sleep(interval)
            try:
                await self.check()
            except StoreUnavailable:
                log.warning("cannot look for revoked keys: the database is unreachable")

    async def check(self) -> None:
        """Ask the store about every watched key, and end what must end. Raises StoreUnavailable."""
        for number, key_id in enumerate(list(self._watched), start=1):
            row = await self._store.get(key_id)
            if row is None or row.revoked_at is not None:
                for ending in self._watched.pop(key_id, {}).values():
                    ending()
            if number % _LOOKUPS_AT_ONCE == 0:
                await asyncio.sleep(0)
