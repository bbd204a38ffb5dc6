"""The steps of a script, and builders of whole answers.

JSON is written by the standard library, not by the project's codec: the stand-in must not share its mistakes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any


@dataclass(frozen=True)
class Event:
    """One server-sent event of the answer."""

    name: str
    data: Mapping[str, Any]

    def encode(self) -> bytes:
        data = json.dumps(self.data, separators=(",", ":"))  # as the real service writes it
        return f"event: {self.name}\ndata: {data}\n\n".encode()


@dataclass(frozen=True)
class Raw:
    """Bytes of the answer as they are, in one write."""

    data: bytes


@dataclass(frozen=True)
class Head:
    """Status 200 with these headers; sent by itself before the first Event or Raw when no script says otherwise.

    ``chunked=False``: the body ends where the connection does.
    """

    headers: Mapping[str, str] = field(default_factory=dict)
    chunked: bool = True


@dataclass(frozen=True)
class Status:
    """A whole answer that is not a stream."""

    code: int
    body: Mapping[str, Any] | str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class WaitFor:
    """Go on when the test says ``upstream.release(milestone)``; never, when it does not."""

    milestone: str


@dataclass(frozen=True)
class Pause:
    """Seconds of silence. For pacing in benchmarks; tests use :class:`WaitFor`."""

    seconds: float


@dataclass(frozen=True)
class Drop:
    """Close the connection in the middle (FIN)."""


@dataclass(frozen=True)
class Rst:
    """Break the connection in the middle (RST)."""


@dataclass(frozen=True)
class Eof:
    """End the body properly, here and now, whatever was said. Happens by itself at the end of a script."""


Step = Event | Raw | Head | Status | WaitFor | Pause | Drop | Rst | Eof


def _pieces(whole: str, count: int) -> list[str]:
    """``whole`` in ``count`` pieces of nearly equal length, fewer when it has fewer characters."""
    count = max(1, min(count, len(whole)))
    bounds = [round(len(whole) * i / count) for i in range(count + 1)]
    return [whole[a:b] for a, b in pairwise(bounds)]


Block = tuple[dict[str, Any], list[dict[str, Any]]]
"""A content block: what its start says, and its deltas."""


def text(whole: str | Sequence[str], pieces: int = 1) -> Block:
    """Answer text; a sequence gives the deltas themselves."""
    parts = _pieces(whole, pieces) if isinstance(whole, str) else whole
    return {"type": "text", "text": ""}, [{"type": "text_delta", "text": part} for part in parts]


def thinking(whole: str, signature: str, pieces: int = 1) -> Block:
    deltas = [{"type": "thinking_delta", "thinking": part} for part in _pieces(whole, pieces)]
    start = {"type": "thinking", "thinking": "", "signature": ""}
    return start, [*deltas, {"type": "signature_delta", "signature": signature}]


def redacted(data: str) -> Block:
    return {"type": "redacted_thinking", "data": data}, []


def tool_use(tool_call_id: str, name: str, input: Mapping[str, Any], pieces: int = 3) -> Block:
    deltas = [{"type": "input_json_delta", "partial_json": ""}]  # Anthropic begins with an empty one
    deltas += [{"type": "input_json_delta", "partial_json": part} for part in _pieces(json.dumps(input), pieces)]
    return {"type": "tool_use", "id": tool_call_id, "name": name, "input": {}}, deltas


def message(
    *blocks: Block,
    stop_reason: str | None = None,
    model: str = "claude-scripted",
    usage: Mapping[str, int] | None = None,
    output_tokens: int = 7,
) -> list[Step]:
    """A whole answer, one step per event. ``usage`` is that of ``message_start`` (cache fields go there)."""
    start_usage = {"input_tokens": 12, "output_tokens": 1, **(usage or {})}
    opening = {
        "id": "msg_scripted", "type": "message", "role": "assistant", "content": [], "model": model,
        "stop_reason": None, "stop_sequence": None, "usage": start_usage,
    }  # fmt: skip
    steps: list[Step] = [Event("message_start", {"type": "message_start", "message": opening})]
    steps.append(Event("ping", {"type": "ping"}))
    for index, (start, deltas) in enumerate(blocks):
        at = {"index": index}
        steps.append(Event("content_block_start", {"type": "content_block_start", **at, "content_block": start}))
        for delta in deltas:
            steps.append(Event("content_block_delta", {"type": "content_block_delta", **at, "delta": delta}))
        steps.append(Event("content_block_stop", {"type": "content_block_stop", **at}))
    if stop_reason is None:
        stop_reason = "tool_use" if any(start["type"] == "tool_use" for start, _ in blocks) else "end_turn"
    closing = {"stop_reason": stop_reason, "stop_sequence": None}
    usage_now = {"output_tokens": output_tokens}
    steps.append(Event("message_delta", {"type": "message_delta", "delta": closing, "usage": usage_now}))
    steps.append(Event("message_stop", {"type": "message_stop"}))
    return steps


def error_body(error_type: str, message: str = "scripted") -> dict[str, Any]:
    """The JSON of an Anthropic error."""
    return {"type": "error", "error": {"type": error_type, "message": message}, "request_id": "req_scripted"}


def error_event(error_type: str, message: str = "scripted") -> Event:
    """An error in the middle of a stream."""
    return Event("error", error_body(error_type, message))
