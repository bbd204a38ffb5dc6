"""What clients may ask: the chat request and the WebSocket commands, parsed from hostile input.

In: decoded JSON. Out: frozen instances, or ``ClientError`` with a sentence that names the field. Unknown fields are
ignored. Over HTTP the same classes parse the bodies; path and headers fill the fields that a body leaves out.
"""

from __future__ import annotations

from dataclasses import MISSING, dataclass, fields
from types import NoneType, UnionType
from typing import Any, ClassVar, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from .errors import error

JsonObject = dict[str, Any]
C = TypeVar("C", bound="Command")
MAX_DEPTH = 64
"""Levels of nesting that a request may have; recursive code further in would stumble over more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """Base of all commands."""

    command: ClassVar[str] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chat(Command):
    """Start a run; the body of ``POST /api/chat``."""

    command: ClassVar[str] = "chat"
    prompt: str | None = None
    messages: list[JsonObject] | None = None
    model: str | None = None
    tools: list[JsonObject] | None = None
    """Client tools: ``{name, description, input_schema}``; they run in the IDE and answer by ``tool_result``."""
    chat_id: str | None = None
    client_type: str | None = None
    stream: bool | None = None
    max_tokens: int | None = None
    system: str | None = None
    """Added behind the composed system prompt."""
    thinking: JsonObject | None = None
    metadata: JsonObject | None = None
    if_busy: Literal["enqueue", "reject", "interrupt"] | None = None
    on_disconnect: Literal["continue", "cancel"] | None = None
    approvals: bool | None = None
    """Whether this client can show and answer approvals."""
    batch_ms: int | None = None
    idempotency_key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attach(Command):
    """Read a run's events from a cursor."""

    command: ClassVar[str] = "attach"
    run: str
    after: str | None = None
    """Cursor; absent = from the first event."""
    from_: Literal["snapshot"] | None = None
    """``from`` on the wire; fold first, then the tail."""
    batch_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Detach(Command):
    """Stop reading a run; the run goes on."""

    command: ClassVar[str] = "detach"
    run: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancel(Command):
    """End a run now."""

    command: ClassVar[str] = "cancel"
    run: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolAnswer(Command):
    """The result of a client tool."""

    command: ClassVar[str] = "tool_result"
    run: str
    tool_call_id: str
    content: str
    is_error: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Approve(Command):
    """A person's decision."""

    command: ClassVar[str] = "approve"
    run: str
    approval_id: str
    decision: Literal["approve", "deny"]
    comment: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Auth(Command):
    """Re-authenticate in place, before a key or token expires."""

    command: ClassVar[str] = "auth"
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback(Command):
    """How satisfied the person was; HTTP only."""

    command: ClassVar[str] = "feedback"
    run: str
    rating: Literal["up", "down"]
    comment: str | None = None


COMMANDS: dict[str, type[Command]] = {
    cls.command: cls for cls in (Chat, Attach, Detach, Cancel, ToolAnswer, Approve, Auth)
}
"""The WebSocket commands by name."""


def _declared(cls: type[Command]) -> tuple[tuple[str, Any, bool], ...]:
    """Name, type and whether it is required, of each field."""
    hints = get_type_hints(cls)
    return tuple((f.name, hints[f.name], f.default is MISSING) for f in fields(cls))


_FIELDS = {cls: _declared(cls) for cls in (*COMMANDS.values(), Feedback)}


def parse(cls: type[C], data: Any) -> C:
    """``data`` as a command; raises ``ClientError('invalid_request')`` that names the first bad field, or the depth."""
    if not isinstance(data, dict):
        raise error("invalid_request", "The request must be a JSON object.")
    _check_depth(data)
    values: dict[str, Any] = {}
    for name, hint, required in _FIELDS[cls]:
        wire = name.rstrip("_")
        value = data.get(wire)
        if value is None:
            if required:
                raise error("invalid_request", f"`{wire}` is required.")
            continue
        if (complaint := _complaint(hint, value)) is not None:
            raise error("invalid_request", f"`{wire}` must be {complaint}.")
        values[name] = value
    return cls(**values)


def _check_depth(value: object) -> None:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            child
            for parent in level
            for child in (parent.values() if isinstance(parent, dict) else parent if isinstance(parent, list) else ())
            if isinstance(child, (dict, list))
        ]
        if not level:
            return
    raise error("invalid_request", f"The request is nested more than {MAX_DEPTH} levels deep.")


def _complaint(hint: Any, value: Any) -> str | None:
    """What ``value`` should have been, or None when it fits ``hint``."""
    origin = get_origin(hint)
    if origin in (Union, UnionType):
        complaints = [_complaint(arm, value) for arm in get_args(hint) if arm is not NoneType]
        return None if None in complaints else complaints[0]
    if origin is Literal:
        allowed = get_args(hint)
        return None if value in allowed and isinstance(value, str) else "one of " + ", ".join(allowed)
    if origin is list:
        if not isinstance(value, list):
            return "a list"
        item = get_args(hint)[0]
        return next((f"a list; item {i} must be {c}" for i, v in enumerate(value) if (c := _complaint(item, v))), None)
    if origin is dict:
        return None if isinstance(value, dict) else "an object"
    if hint is bool:
        return None if isinstance(value, bool) else "true or false"
    if hint is int:
        return None if isinstance(value, int) and not isinstance(value, bool) else "an integer"
    return None if isinstance(value, str) else "a string"
