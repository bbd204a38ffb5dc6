"""A Messages stream of text deltas, as bytes. ``@N@`` in each text is what the load generator counts."""

from __future__ import annotations

import orjson


def event(name: str, data: dict[str, object]) -> bytes:
    """One event as the Messages API writes it."""
    return b"event: " + name.encode() + b"\ndata: " + orjson.dumps({"type": name, **data}) + b"\n\n"


def head() -> bytes:
    """Up to the first delta."""
    message = {
        "id": "msg_bench", "type": "message", "role": "assistant", "content": [], "model": "claude-bench",
        "stop_reason": None, "stop_sequence": None, "usage": {"input_tokens": 10, "output_tokens": 1},
    }  # fmt: skip
    block = {"index": 0, "content_block": {"type": "text", "text": ""}}
    return event("message_start", {"message": message}) + event("content_block_start", block)


def delta(mark: int) -> bytes:
    """One delta of about eleven characters beside its mark."""
    return event("content_block_delta", {"index": 0, "delta": {"type": "text_delta", "text": f"@{mark}@ some words"}})


def tail(deltas: int) -> bytes:
    """From the last delta to the end."""
    stop = {"delta": {"stop_reason": "end_turn", "stop_sequence": None}, "usage": {"output_tokens": deltas}}
    return event("content_block_stop", {"index": 0}) + event("message_delta", stop) + event("message_stop", {})


def recorded(deltas: int) -> bytes:
    """A whole stream."""
    return head() + b"".join(delta(i) for i in range(deltas)) + tail(deltas)
