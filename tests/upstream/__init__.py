"""A scripted Anthropic server on a real socket, for tests, the fault suite and the benchmark.

    async with Upstream() as upstream:
        upstream.enqueue(message(text("Hello", pieces=5)))           # the next request gets this
        upstream.script("claude-slow", [*message(text("Hi"))[:3], WaitFor("go"), Drop()])
        ...
        await upstream.wait_until_requests(1)
        upstream.release("go")

A script is a list of steps; ``message`` and its blocks build whole answers, which are lists too and can be cut
anywhere. Tests wait for milestones, never for time. As a process of its own: ``python -m upstream --help``.
"""

from .server import Request, Upstream
from .steps import (
    Drop,
    Eof,
    Event,
    Head,
    Pause,
    Raw,
    Rst,
    Status,
    Step,
    WaitFor,
    error_body,
    error_event,
    message,
    redacted,
    text,
    thinking,
    tool_use,
)

__all__ = [
    "Drop", "Eof", "Event", "Head", "Pause", "Raw", "Request", "Rst", "Status", "Step", "Upstream", "WaitFor",
    "error_body", "error_event", "message", "redacted", "text", "thinking", "tool_use",
]  # fmt: skip
