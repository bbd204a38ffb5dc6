"""Who is connected: how many in all, how many per address, and a few places kept free for health checks.

In: a connection that was accepted. Out: leave to ask for anything, or the code that anything but a health check is to
be answered with. Connections of every kind count, from accept to close. When even the places for health checks are
taken, the one that has held its place longest loses it: peers that say nothing cannot keep a health check out.
"""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Protocol

from .limits import Limits


class Guest(Protocol):
    """A connection, as the census sees it."""

    place: str | None
    """What it is counted under, None when it is not; owned by the census."""

    def abort(self, reason: str) -> None:
        """Be gone."""
        ...


class Census:
    """Counts of one server. ``room`` = most connections, the places for health checks not included."""

    def __init__(self, limits: Limits, room: int) -> None:
        self.room = room
        self._per_address = limits.max_connections_per_address
        self._health = limits.health_connections
        self._trusts = _Trust(limits.trusted_proxies)
        self._places: Counter[str] = Counter()
        self._spare: dict[Guest, None] = {}
        """Those that may only ask for health, oldest first."""
        self.open = 0
        self.cuts: Counter[str] = Counter()
        """Connections that were refused or dropped, by reason; for metrics."""

    def enter(self, guest: Guest, address: str) -> str | None:
        """Count ``guest``; the code of its refusal, or None when it may stay."""
        place = _block(address)
        code = None
        if self.open >= self.room:
            code = "unavailable"
        elif self._per_address and self._places[place] >= self._per_address and not self._trusts(address):
            code = "too_many_connections"
        if code is None:
            guest.place = place
            self._places[place] += 1
            self.open += 1
            return None
        if len(self._spare) >= self._health and self._spare:
            oldest = next(iter(self._spare))
            del self._spare[oldest]
            oldest.abort(code)
        self._spare[guest] = None
        return code

    def leave(self, guest: Guest) -> None:
        """Count ``guest`` no more."""
        self._spare.pop(guest, None)
        if guest.place is not None:
            self.open -= 1
            self._places[guest.place] -= 1
            if not self._places[guest.place]:
                del self._places[guest.place]
            guest.place = None


def _block(address: str) -> str:
    """Whom an address stands for: one that holds an IPv6 address holds its whole /64."""
    if ":" not in address:
        return address
    parsed = ip_address(address.partition("%")[0])
    assert isinstance(parsed, IPv6Address)
    return str(parsed.ipv4_mapped or ip_network((parsed, 64), strict=False))


class _Trust:
    """Whether an address belongs to one of some proxies."""

    def __init__(self, proxies: tuple[str, ...]) -> None:
        self._all = "*" in proxies
        self._networks = [ip_network(proxy, strict=False) for proxy in proxies if proxy != "*"]
        self._known = lru_cache(maxsize=1024)(self._look)

    def __call__(self, address: str) -> bool:
        return self._all or (bool(self._networks) and self._known(address))

    def _look(self, address: str) -> bool:
        try:
            parsed = ip_address(address.partition("%")[0])
        except ValueError:  # not an address: a peer that left before it could be asked
            return False
        parsed = getattr(parsed, "ipv4_mapped", None) or parsed
        return any(parsed in network for network in self._networks)
