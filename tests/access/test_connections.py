"""Counting open connections."""

from contextlib import ExitStack

import pytest
from oricode_protocol.errors import ClientError
from oricode_service.access.connections import Connections


def opened(connections: Connections, stack: ExitStack, count: int, *, key_id="k", address="a", transport="sse") -> None:
    for _ in range(count):
        stack.enter_context(connections.opening(transport, key_id=key_id, address=address))


def refused(connections: Connections, *, key_id: str, address: str) -> bool:
    try:
        with connections.opening("websocket", key_id=key_id, address=address):
            return False
    except ClientError as error:
        return error.code == "too_many_connections" and error.retry_after is not None


def test_each_limit_refuses_the_next_connection_of_any_transport_and_only_that():
    connections = Connections(per_key=3, per_address=4)
    with ExitStack() as stack:
        opened(connections, stack, 3, key_id="k1", address="a1")
        assert refused(connections, key_id="k1", address="a2")
        assert not refused(connections, key_id="k2", address="a1")
        opened(connections, stack, 1, key_id="k2", address="a1", transport="websocket")
        assert refused(connections, key_id="k3", address="a1")
        assert not refused(connections, key_id="k3", address="a2")


def test_a_closed_connection_makes_room_again_whatever_it_ended_of():
    connections = Connections(per_key=1, per_address=1)

    def breaks():
        with connections.opening("sse", key_id="k", address="a"):
            assert refused(connections, key_id="k", address="a")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        breaks()
    assert not refused(connections, key_id="k", address="a")
    assert connections.open == 0


def test_a_refused_connection_is_not_counted():
    connections = Connections(per_key=1, per_address=0)
    with connections.opening("sse", key_id="k", address="a"):
        for _ in range(5):
            assert refused(connections, key_id="k", address="b")
        assert (connections.open, connections.of_key("k")) == (1, 1)


def test_zero_means_no_limit():
    connections = Connections(per_key=0, per_address=0)
    with ExitStack() as stack:
        opened(connections, stack, 5000)
        assert connections.open == 5000
        assert connections.open_by_transport == {"sse": 5000}
    assert connections.of_key("k") == 0


def test_keys_and_addresses_that_have_gone_leave_nothing_behind():
    connections = Connections(per_key=1, per_address=1)
    for number in range(1000):
        with connections.opening("sse", key_id=f"k{number}", address=f"a{number}"):
            pass
    assert not connections._keys
    assert not connections._addresses
