"""What came over the wire, and its typed form.

In: the triple every transport carries (id, event name, data). Out: the protocol's event classes. Unknown fields are
ignored; an unknown event type has no typed form (None); a known one without its promised fields is a violation.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from oricode_protocol import codec
from oricode_protocol.events import EVENTS, Event

from .errors import ProtocolViolation

JsonObject = dict[str, Any]

_FIELDS = {cls: frozenset(field.name for field in fields(cls)) for cls in EVENTS.values()}


@dataclass(frozen=True, slots=True)
class Wire:
    """One event as it came."""

    id: str
    """The event's own id, to resume behind it; empty for what belongs to the connection."""
    event: str
    data: JsonObject

    def typed(self) -> Event | None:
        """The event as a class of :mod:`oricode_protocol.events`; None for a type this version does not know."""
        cls = EVENTS.get(self.event)
        if cls is None:
            return None
        known = _FIELDS[cls]
        try:
            return cls(**{name: value for name, value in self.data.items() if name in known})
        except TypeError as complaint:
            raise ProtocolViolation(f"An event `{self.event}` lacks a field: {complaint}.") from None


def parse_object(text: bytes | bytearray | str, what: str) -> JsonObject:
    """``text`` as a JSON object; raises :class:`ProtocolViolation` that names ``what`` it should have been."""
    try:
        value = codec.loads(bytes(text) if isinstance(text, bytearray) else text)
    except codec.MalformedJson:
        raise ProtocolViolation(f"{what} is not JSON.") from None
    if not isinstance(value, dict):
        raise ProtocolViolation(f"{what} is not a JSON object.")
    return value
