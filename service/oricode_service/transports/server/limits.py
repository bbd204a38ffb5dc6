"""What a peer may cost: every bound of the server layer, in one frozen object.

In: plain numbers from the composition root. Out: read-only fields. Sizes are bytes, times are seconds. Nothing here
knows where the numbers come from.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The bounds of one server; the defaults are those of the service."""

    # Connections, of every kind together.
    max_connections: int = 10_000
    """Open connections; 0 = as many as there are file descriptors."""
    max_connections_per_address: int = 2_000
    """From one IPv4 address or one IPv6 /64; 0 = no limit. Trusted proxies are exempt."""
    health_connections: int = 32
    """Further connections, above both limits, that are served for ``health_paths`` only."""
    health_paths: frozenset[bytes] = frozenset({b"/healthz", b"/readyz"})
    trusted_proxies: tuple[str, ...] = ()
    """Addresses or networks whose ``X-Forwarded-For`` is believed, or ``*``; empty = nobody's."""

    # A request's way in.
    head_bytes: int = 64 * 1024
    """Request line, headers and trailers together."""
    head_count: int = 128
    """Header lines."""
    head_seconds: float = 10
    """From the first byte (or from connecting) to the end of the headers."""
    body_bytes: int = 2 * 1024 * 1024
    """A backstop: keep it above the application's own limit, whose answer is the better one."""
    body_seconds: float = 30
    """From the end of the headers to the end of the body; also for one WebSocket message."""
    idle_seconds: float = 75
    """Between two requests; longer than the idle time of common load balancers, so that they close first."""
    pipelined: int = 16
    """Requests sent ahead of the answer to the one before."""
    linger_seconds: float = 2
    """How long a refused peer may take to read its refusal."""
    linger_bytes: int = 1024 * 1024
    """How much it may send meanwhile, to be thrown away; more resets the connection."""

    # An answer's way out.
    slow_reader_seconds: float = 30
    """A peer that takes no data for this long is aborted."""
    closing_seconds: float = 10
    """The same, once the service has closed its side."""

    # WebSocket.
    message_bytes: int = 1024 * 1024
    message_fragments: int = 64
    messages_per_second: int = 100
    """Messages and control frames; twice as many at once."""
    heartbeat_seconds: float = 15
    """Between two pings."""
    pong_seconds: float = 20
    """For the answer to a ping that has left."""

    # The process.
    settle_seconds: float = 2
    """For requests to arrive on connections that were made just before it was told to stop."""
    drain_seconds: float = 10
    """For the application's ``on_drain``."""
    grace_seconds: float = 10
    """For connections to end after it; then they are cut."""
    tick_seconds: float = 1
    """How late any of these deadlines may be noticed."""
