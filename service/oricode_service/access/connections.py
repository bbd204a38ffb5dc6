"""How many streams and sockets are open, and how many a key or a client address may have.

In: a key and an address for every stream or socket that opens, whatever its transport. Out: leave to go on, or the
protocol's ``too_many_connections``. Counts are of this process. A limit of 0 means none. How many connections there may
be in all, idle ones included, is the server layer's matter, which alone sees them; it also limits the addresses that
connect directly, and here those count that a trusted proxy forwards.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from oricode_protocol.errors import error

RETRY_SECONDS = 5.0


class Connections:
    """Open streams and sockets by key and by address. Belongs to the loop; no other thread may touch it."""

    def __init__(self, *, per_key: int, per_address: int) -> None:
        self._per_key = per_key
        self._per_address = per_address
        self._keys: Counter[str] = Counter()
        self._addresses: Counter[str] = Counter()
        self.open_by_transport: Counter[str] = Counter()
        """For metrics."""
        self.open = 0

    @contextmanager
    def opening(self, transport: str, *, key_id: str, address: str) -> Iterator[None]:
        """Counts one connection while the block runs. Raises ``too_many_connections`` instead of entering it."""
        if _full(self._keys[key_id], self._per_key):
            raise error("too_many_connections", retry_after=RETRY_SECONDS)
        if _full(self._addresses[address], self._per_address):
            sentence = "Too many open connections from this address; close some or wait."
            raise error("too_many_connections", sentence, retry_after=RETRY_SECONDS)
        self._count(transport, key_id, address, 1)
        try:
            yield
        finally:
            self._count(transport, key_id, address, -1)

    def of_key(self, key_id: str) -> int:
        """Open connections of one key."""
        return self._keys.get(key_id, 0)

    def _count(self, transport: str, key_id: str, address: str, change: int) -> None:
        self.open += change
        self.open_by_transport[transport] += change
        for counter, name in ((self._keys, key_id), (self._addresses, address)):
            counter[name] += change
            if not counter[name]:
                del counter[name]


def _full(count: int, limit: int) -> bool:
    return bool(limit) and count >= limit
