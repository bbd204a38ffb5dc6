"""The events a run yields: the protocol's, and ``Reconnecting``, which only this side of the wire knows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from oricode_protocol.events import (
    ApprovalRequired,
    ApprovalResolved,
    Connected,
    Content,
    Done,
    Error,
    Event,
    Heartbeat,
    MessageStart,
    MessageStop,
    Progress,
    Queued,
    Reconnect,
    Recovering,
    Snapshot,
    Thinking,
    ToolCall,
    ToolInput,
    ToolResult,
)

__all__ = [
    "ApprovalRequired",
    "ApprovalResolved",
    "Connected",
    "Content",
    "Done",
    "Error",
    "Event",
    "Heartbeat",
    "MessageStart",
    "MessageStop",
    "Progress",
    "Queued",
    "Reconnect",
    "Reconnecting",
    "Recovering",
    "Snapshot",
    "Thinking",
    "ToolCall",
    "ToolInput",
    "ToolResult",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconnecting(Event):
    """The connection is gone; the client waits and then goes on behind the last event. Nothing to do for the caller."""

    event: ClassVar[str] = "reconnecting"
    durable: ClassVar[bool] = False
    attempt: int
    """Counts the tries since the last event that arrived, from 1."""
    delay_ms: int
    """The client tries again after this time."""
    reason: str
    """A sentence for a person."""
