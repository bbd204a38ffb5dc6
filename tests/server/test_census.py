"""Who may be connected, without sockets."""

from __future__ import annotations

from typing import Any

import pytest
from oricode_service.transports.server import Limits
from oricode_service.transports.server.census import Census


class Guest:
    place: str | None = None

    def __init__(self) -> None:
        self.aborted: str | None = None

    def abort(self, reason: str) -> None:
        self.aborted = reason


def census(room: int = 100, **limits: Any) -> Census:
    return Census(Limits(**limits), room)


def codes(of: Census, *addresses: str) -> list[str | None]:
    return [of.enter(Guest(), address) for address in addresses]


def test_beyond_the_room_only_health_is_served() -> None:
    assert codes(census(room=2), "a", "b", "c") == [None, None, "unavailable"]


def test_beyond_its_share_an_address_only_gets_health() -> None:
    addresses = ("1.1.1.1", "1.1.1.1", "1.1.1.1", "2.2.2.2")
    assert codes(census(max_connections_per_address=2), *addresses) == [None, None, "too_many_connections", None]
    assert codes(census(max_connections_per_address=0), *addresses) == [None] * 4


def test_an_ipv6_network_is_one_address_and_a_mapped_address_is_its_ipv4_one() -> None:
    one = census(max_connections_per_address=1)
    assert codes(one, "2001:db8::1", "2001:db8::2", "2001:db8:0:1::1") == [None, "too_many_connections", None]
    assert codes(one, "1.1.1.1", "::ffff:1.1.1.1", "fe80::1%eth0") == [None, "too_many_connections", None]


@pytest.mark.parametrize("proxies", [("10.0.0.0/8",), ("10.1.2.3",), ("*",), ("fd00::/8", "10.0.0.0/8")])
def test_a_trusted_proxy_is_not_held_to_one_address_share(proxies: tuple[str, ...]) -> None:
    of = census(max_connections_per_address=1, trusted_proxies=proxies)
    assert codes(of, *["10.1.2.3"] * 3, "::ffff:10.1.2.3") == [None] * 4
    if proxies != ("*",):
        assert codes(of, *["11.1.2.3"] * 2) == [None, "too_many_connections"]


def test_who_leaves_makes_room() -> None:
    of = census(room=1, max_connections_per_address=1)
    guest = Guest()
    assert of.enter(guest, "a") is None
    assert codes(of, "a") == ["unavailable"]
    of.leave(guest)
    of.leave(guest)
    assert of.open == 0
    assert codes(of, "a") == [None]


def test_the_oldest_of_those_waiting_for_health_gives_way() -> None:
    of = census(room=0, health_connections=2)
    guests = [Guest() for _ in range(4)]
    for guest in guests:
        assert of.enter(guest, "a") == "unavailable"
    assert [guest.aborted for guest in guests] == ["unavailable", "unavailable", None, None]
    of.leave(guests[2])
    last = Guest()
    of.enter(last, "a")
    assert (guests[3].aborted, last.aborted) == (None, None)
    assert of.open == 0
