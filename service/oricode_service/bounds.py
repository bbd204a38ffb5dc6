"""What a run and a peer may cost, from the settings."""

from __future__ import annotations

from .engine.ports import RunLimits
from .settings import Settings
from .transports.server import Limits


def of_runs(settings: Settings) -> RunLimits:
    """What a run may take, and how many a key may have."""
    return RunLimits(
        turns=settings.run_max_turns,
        tokens=settings.run_max_tokens,
        wall_seconds=settings.run_max_seconds,
        attempts=settings.upstream_attempts,
        takeovers=settings.run_max_takeovers,
        client_tool_seconds=settings.client_tool_seconds,
        approval_seconds=settings.approval_seconds,
        max_tokens=settings.max_tokens,
        max_live_per_key=settings.max_concurrent_runs,
    )


def of_peers(settings: Settings) -> Limits:
    """What a peer may cost the server layer."""
    return Limits(
        max_connections=settings.max_connections,
        max_connections_per_address=settings.max_connections_per_address,
        trusted_proxies=settings.trusted_proxies,
        head_bytes=settings.max_header_bytes,
        head_seconds=settings.header_seconds,
        body_bytes=2 * settings.max_body_bytes,
        body_seconds=settings.body_seconds,
        slow_reader_seconds=settings.slow_reader_seconds,
        message_bytes=settings.max_body_bytes,
        message_fragments=settings.max_fragments,
        messages_per_second=settings.max_frames_per_second,
        heartbeat_seconds=settings.heartbeat_seconds,
        drain_seconds=settings.grace_seconds,
        grace_seconds=settings.grace_seconds,
    )
