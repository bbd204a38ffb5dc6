"""The typed events of protocol version 1, one frozen class each.

In: values. Out: instances that :mod:`codec` turns into the ``data`` object of an event. A field that is None is
absent on the wire. The vocabulary and the meaning of every field are PROTOCOL.md's; this module is where they are
written down as types, and the JSON Schema (:mod:`schema`) is made from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

JsonObject = dict[str, Any]

ResumeAnswer = Literal["new", "replay", "live", "gap"]
RunStatus = Literal["completed", "failed", "cancelled"]
Runs = Literal["server", "mcp", "client"]
ToolStatus = Literal["ok", "error", "unknown", "denied"]
Decision = Literal["approve", "deny", "expired", "cancelled"]
HeartbeatState = Literal["queued", "model", "tool", "approval", "client_tool", "recovering", "ended", "idle"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Base of all events."""

    event: ClassVar[str] = ""
    """The name on the wire."""
    durable: ClassVar[bool] = True
    """False for what belongs to one connection: it is never stored and carries no id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Connected(Event):
    """First event of every stream; says what the cursor found."""

    event: ClassVar[str] = "connected"
    durable: ClassVar[bool] = False
    message: str = "Connected to Oricode AI"
    run_id: str | None = None
    chat_id: str | None = None
    protocol: int = 1
    heartbeat_ms: int | None = None
    """The longest silence a healthy connection shows, in milliseconds."""
    resume: ResumeAnswer | None = None
    server_time: int | None = None
    """Milliseconds since the epoch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat(Event):
    """Nothing was written for the interval; the run is alive, and this is what it is doing."""

    event: ClassVar[str] = "heartbeat"
    durable: ClassVar[bool] = False
    timestamp: int
    """Milliseconds since the epoch."""
    state: HeartbeatState | None = None
    quiet_ms: int | None = None
    """Milliseconds since the run's last event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconnect(Event):
    """The server closes this connection on purpose; the run goes on. Resume after ``after_ms``."""

    event: ClassVar[str] = "reconnect"
    durable: ClassVar[bool] = False
    after_ms: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Queued(Event):
    """The chat is busy; ``position`` runs end before this one starts."""

    event: ClassVar[str] = "queued"
    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageStart(Event):
    """A model turn begins. ``attempt`` > 1 voids what earlier attempts of ``message_id`` showed."""

    event: ClassVar[str] = "message_start"
    message: str = "Message started"
    message_id: str
    turn: int
    attempt: int
    model: str
    """The model asked, aliases resolved."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Content(Event):
    """A piece of the answer's text."""

    event: ClassVar[str] = "content"
    text: str
    index: int
    """Content block index within the message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Thinking(Event):
    """A piece of visible reasoning."""

    event: ClassVar[str] = "thinking"
    text: str
    index: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolInput(Event):
    """A piece of a tool call's input as the model writes it (live code); JSON text, not yet valid by itself."""

    event: ClassVar[str] = "tool_input"
    tool_call_id: str
    partial_json: str
    index: int
    name: str | None = None
    """The tool's name; on the first piece of a call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageStop(Event):
    """The turn is complete and stored: its text will never be voided."""

    event: ClassVar[str] = "message_stop"
    message: str = "Message complete"
    message_id: str
    stop_reason: str | None = None
    usage: JsonObject | None = None
    """Tokens of this turn."""
    model: str | None = None
    """The model that answered, by its own word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall(Event):
    """A tool is about to run; for ``runs: client`` the viewer must answer before ``deadline``."""

    event: ClassVar[str] = "tool_call"
    tool_call_id: str
    name: str
    input: JsonObject
    runs: Runs
    deadline: int | None = None
    """Milliseconds since the epoch; only for client tools."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress(Event):
    """What the run is doing, for a person."""

    event: ClassVar[str] = "progress"
    type: str
    """``chunking``, ``syntax_check``, ``deployment``, ``mcp``, …"""
    message: str
    progress: float | None = None
    """Percent 0-100 of the person's task; absent when unknown."""
    tool_call_id: str | None = None
    current: float | None = None
    """Step inside the tool, out of ``total``."""
    total: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolResult(Event):
    """A tool call ended."""

    event: ClassVar[str] = "tool_result"
    tool_call_id: str
    name: str
    status: ToolStatus
    summary: str
    duration_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalRequired(Event):
    """A person must decide before the tool call runs; the first answer counts."""

    event: ClassVar[str] = "approval_required"
    approval_id: str
    tool_call_id: str
    reason: str
    input_digest: str
    """SHA-256 over tool name and input: what was shown is what will run."""
    expires_at: int
    """Milliseconds since the epoch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalResolved(Event):
    """An approval was answered, or expired."""

    event: ClassVar[str] = "approval_resolved"
    approval_id: str
    tool_call_id: str
    decision: Decision
    by: str | None = None
    """The user who decided; absent when nobody did."""
    comment: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovering(Event):
    """Another process (or the next start) took the run over and continues behind its last committed step."""

    event: ClassVar[str] = "recovering"
    attempt: int
    """How many times the run was taken over."""
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot(Event):
    """The folded state up to the event id it carries; replaces everything a viewer has shown of the run."""

    event: ClassVar[str] = "snapshot"
    durable: ClassVar[bool] = False
    run_id: str
    chat_id: str | None = None
    status: str
    text: str
    messages: list[JsonObject]
    progress: JsonObject | None = None
    tool_calls: list[JsonObject]
    approvals: list[JsonObject]
    queued: int | None = None
    recovering: int | None = None
    error: JsonObject | None = None
    stop_reason: str | None = None
    usage: JsonObject | None = None
    duration_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Error(Event):
    """Why the run failed; ``done`` follows at once."""

    event: ClassVar[str] = "error"
    error: str
    """A sentence for a person."""
    code: str
    retryable: bool
    retry_after_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Done(Event):
    """The terminal event: exactly one per run, nothing after it."""

    event: ClassVar[str] = "done"
    message: str
    status: RunStatus
    stop_reason: str | None = None
    usage: JsonObject | None = None
    """Tokens of all turns and attempts."""
    duration_ms: int | None = None


EVENTS: dict[str, type[Event]] = {
    cls.event: cls
    for cls in (
        Connected, Heartbeat, Reconnect, Queued, MessageStart, Content, Thinking, ToolInput, MessageStop,
        ToolCall, Progress, ToolResult, ApprovalRequired, ApprovalResolved, Recovering, Snapshot, Error, Done,
    )
}  # fmt: skip
"""Every event type by its name on the wire."""

TERMINAL = Done.event
"""Name of the one event that ends a run."""
