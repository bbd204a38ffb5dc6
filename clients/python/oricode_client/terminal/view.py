"""What a view of a run must do, and how each thing that happens is put into words.

In: typed events. Out: whatever the view draws. Implemented by ``live_view`` (a terminal) and ``plain_view`` (a pipe).
The sentences live here, so that both say the same.
"""

from __future__ import annotations

import re
from typing import Protocol

from oricode_protocol.events import Event

from ..errors import OricodeClientError
from ..events import (
    ApprovalRequired,
    ApprovalResolved,
    Done,
    Error,
    Queued,
    Reconnecting,
    Recovering,
    ToolCall,
    ToolResult,
)

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class View(Protocol):
    """One run, shown."""

    def take(self, event: Event) -> None:
        """Show an event."""
        ...

    def say(self, sentence: str) -> None:
        """Show a remark of the program's own."""
        ...

    def pause(self) -> None:
        """Leave the terminal alone, until the next event: somebody is asked something."""
        ...

    def close(self) -> None:
        """Leave the terminal in order."""
        ...


def harmless(text: str) -> str:
    """``text`` without the control characters that could drive a terminal; tabs and line ends stay."""
    return _CONTROLS.sub("", text)


def sentence(event: Event) -> str | None:
    """What happened, in a line; None for what a view shows in its own way (text, progress, heartbeats)."""
    match event:
        case Reconnecting(reason=reason, delay_ms=delay_ms):
            return f"Reconnecting... {reason} Trying again in {delay_ms / 1000:.1f} s."
        case Queued(position=position) if position > 0:
            runs = "another run" if position == 1 else f"{position} other runs"
            return f"Waiting: {runs} of this chat must end first."
        case Recovering(reason=reason):
            return f"The service took the run up again: {harmless(reason)}"
        case ToolCall(name=name, runs="client"):
            return f"Waiting for {harmless(name)}, a tool that runs in somebody's editor."
        case ToolResult(name=name, status=status, summary=summary, duration_ms=duration):
            took = f" ({duration / 1000:.1f} s)" if duration is not None else ""
            return f"{_MARKS[status]} {harmless(name)}: {harmless(summary)}{took}"
        case ApprovalRequired(reason=reason):
            return f"Approval needed: {harmless(reason)}"
        case ApprovalResolved(decision=decision, by=by):
            return f"Approval: {_DECISIONS[decision]}{f' by {harmless(by)}' if by else ''}."
        case Error(error=error):
            return f"✗ {harmless(error)}"
        case Done(status=status, usage=usage, duration_ms=duration):
            return _end(status, usage, duration)
    return None


_MARKS = {"ok": "✓", "error": "✗", "unknown": "?", "denied": "✗"}
_DECISIONS = {"approve": "given", "deny": "denied", "expired": "expired", "cancelled": "no longer needed"}


def _end(status: str, usage: dict[str, int] | None, duration_ms: int | None) -> str:
    words = {"completed": "✓ Complete", "failed": "✗ Failed", "cancelled": "■ Stopped"}
    parts = [words[status]]
    if usage:
        tokens = usage.get("input_tokens", 0) + usage.get("output_tokens", 0)
        parts.append(f"{tokens:,} tokens")
    if duration_ms is not None:
        parts.append(span(duration_ms / 1000))
    return " · ".join(parts)


def span(seconds: float) -> str:
    """A duration for people."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"


def blamed(error: OricodeClientError) -> str:
    """An error in a line that says who can mend it."""
    who = {
        "client": "Your side",
        "service": "The service",
        "upstream": "The model's provider",
        "network": "The network",
        "nobody": "Note",
    }
    return f"{who[error.blame]}: {harmless(error.sentence)}"
