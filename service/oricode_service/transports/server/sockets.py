"""The sockets the service listens on, bound by us so that accepted ones inherit what long streams need.

In: a host and a port. Out: bound, listening sockets, or :class:`CannotListen` with one line for a person. The options
are set on the listener; Linux copies them to each accepted socket, before its first byte.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterable
from typing import Any

BACKLOG = 2048
USER_TIMEOUT_SECONDS = 25.0
"""Data unacknowledged for this long ends the connection (the default would be about 15 minutes). A heartbeat is sent
every 15 s: a peer that vanished is gone within 45 (measured: 40.5 s at worst; with 30 s here it would be 45.6)."""
NOTSENT_LOWAT = 64 * 1024
"""Bytes the kernel queues per connection beyond what is in flight; its default lets a stalled reader hold megabytes."""


_NO_SUCH_FAMILY = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)
"""A name may stand for an IPv6 address on a machine without IPv6: no fault while another address works."""

_Address = tuple[socket.AddressFamily, socket.SocketKind, int, str, tuple[Any, ...]]


class CannotListen(Exception):
    """No socket could be bound; the text is one line that says where and why."""


class PortTaken(CannotListen):
    """Another process listens there already."""


def listen(host: str, port: int, *, user_timeout: float = USER_TIMEOUT_SECONDS) -> list[socket.socket]:
    """Listening, non-blocking sockets for every address ``host`` stands for; ``""`` = all addresses.

    With ``port`` 0 all of them get the same free port. Raises :class:`CannotListen` or :class:`PortTaken`.
    """
    where = f"{host or '*'}:{port}"
    try:
        found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except socket.gaierror as error:
        raise CannotListen(f"cannot listen on {where}: {error.strerror}") from error
    sockets: list[socket.socket] = []
    try:
        _bind(found, port, user_timeout, sockets)
    except OSError as error:
        for bound in sockets:
            bound.close()
        if error.errno == errno.EADDRINUSE:
            raise PortTaken(f"cannot listen on {where}: the port is taken") from error
        raise CannotListen(f"cannot listen on {where}: {error.strerror}") from error
    return sockets


def _bind(found: Iterable[_Address], port: int, user_timeout: float, sockets: list[socket.socket]) -> None:
    missing: OSError | None = None
    for family, kind, proto, _, address in dict.fromkeys(found):
        try:
            sockets.append(_bound(family, kind, proto, (address[0], port, *address[2:]), user_timeout))
        except OSError as error:
            if error.errno not in _NO_SUCH_FAMILY:
                raise
            missing = error
        else:
            port = sockets[0].getsockname()[1]
    if missing is not None and not sockets:
        raise missing


def _bound(family: int, kind: int, proto: int, address: tuple[Any, ...], user_timeout: float) -> socket.socket:
    listener = socket.socket(family, kind, proto)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for name, value in (
            ("TCP_KEEPIDLE", 10),
            ("TCP_KEEPINTVL", 5),
            ("TCP_KEEPCNT", 5),
            ("TCP_USER_TIMEOUT", int(user_timeout * 1000)),
            ("TCP_NOTSENT_LOWAT", NOTSENT_LOWAT),
        ):
            if (option := getattr(socket, name, None)) is not None:  # not every system has all of them
                listener.setsockopt(socket.IPPROTO_TCP, option, value)
        listener.bind(address)
        listener.listen(BACKLOG)  # now, not at the first accept: only here a taken port is always noticed
        listener.setblocking(False)
    except OSError:
        listener.close()
        raise
    return listener
