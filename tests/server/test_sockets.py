"""The listening sockets: what accepted ones inherit, and what is said when there can be none."""

from __future__ import annotations

import socket

import pytest
from oricode_service.transports.server import CannotListen, PortTaken, listen


def accepted_by(listener: socket.socket) -> socket.socket:
    with socket.create_connection(listener.getsockname()[:2]):
        listener.setblocking(True)
        return listener.accept()[0]


def test_an_accepted_connection_inherits_what_long_streams_need() -> None:
    [listener] = listen("127.0.0.1", 0, user_timeout=7)
    plain = socket.create_server(("127.0.0.1", 0))
    with listener, plain, accepted_by(listener) as ours, accepted_by(plain) as control:
        for level, option, expected in (
            (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 7000),
            (socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, 65536),
            (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
            (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 10),
            (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
        ):
            assert ours.getsockopt(level, option) == expected
            assert control.getsockopt(level, option) != expected


def test_a_taken_port_is_said_in_one_line() -> None:
    [first] = listen("127.0.0.1", 0)
    with first:
        port = first.getsockname()[1]
        with pytest.raises(PortTaken) as caught:
            listen("127.0.0.1", port)
    assert str(caught.value) == f"cannot listen on 127.0.0.1:{port}: the port is taken"
    [again] = listen("127.0.0.1", port)  # and free as soon as the other has gone
    again.close()


@pytest.mark.parametrize("host", ["192.0.2.1", "no such host", "::ffff:192.0.2.1"])
def test_an_address_that_is_not_ours_is_said_in_one_line(host: str) -> None:
    with pytest.raises(CannotListen) as caught:
        listen(host, 0)
    assert not isinstance(caught.value, PortTaken)
    assert str(caught.value).startswith(f"cannot listen on {host}:0: ")
    assert "\n" not in str(caught.value)


def test_a_name_with_two_families_gets_one_port_for_both(monkeypatch: pytest.MonkeyPatch) -> None:
    both = [
        (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", 0, 0, 0)),
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0)),
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0)),  # resolvers may say it twice
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: both)
    sockets = listen("localhost", 0)
    try:
        assert {bound.family for bound in sockets} == {socket.AF_INET, socket.AF_INET6}
        assert len({bound.getsockname()[1] for bound in sockets}) == 1 < len(sockets)
    finally:
        for bound in sockets:
            bound.close()


def test_a_family_the_machine_lacks_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [
        (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("2001:db8::1", 0, 0, 0)),
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0)),
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    [only] = listen("two.example", 0)
    with only:
        assert only.family == socket.AF_INET


def test_nothing_stays_bound_when_one_of_two_addresses_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    [taken] = listen("127.0.0.1", 0)
    with taken:
        port = taken.getsockname()[1]
        found = [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.2", port)),
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port)),
        ]
        with monkeypatch.context() as patch:
            patch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
            with pytest.raises(PortTaken):
                listen("two.example", port)
        [free] = listen("127.0.0.2", port)
        free.close()
