"""A run in a terminal: finished Markdown goes into the scroll-back, below it the rest, a progress bar and a pulse line.

In: typed events, and a tick several times a second (ages and bars move although nothing arrives). The pulse line says
what the run is doing and how long ago the service last gave a sign of life.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from oricode_protocol.events import Event
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from ..events import (
    ApprovalRequired,
    ApprovalResolved,
    Connected,
    Content,
    Done,
    Error,
    Heartbeat,
    MessageStart,
    MessageStop,
    Progress,
    Queued,
    Reconnecting,
    Recovering,
    Snapshot,
    Thinking,
    ToolCall,
    ToolInput,
    ToolResult,
)
from .markdown_tail import Answer, Tail, split_finished
from .view import harmless, sentence

_STYLES: dict[type[Event], str] = {
    ToolResult: "dim",
    Reconnecting: "yellow",
    Recovering: "yellow",
    Queued: "yellow",
    ApprovalRequired: "bold yellow",
    ApprovalResolved: "dim",
    Error: "red",
    Done: "dim",
}
_DOING = {
    "queued": "waiting for the chat",
    "model": "the model is working",
    "tool": "a tool is running",
    "approval": "waiting for an approval",
    "client_tool": "waiting for an editor",
    "recovering": "the service is taking the run up",
}


class LiveView:
    """Draws one run on a terminal."""

    def __init__(self, console: Console, transport: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._transport = transport
        self._clock = clock
        self._text = ""
        self._progress: Progress | None = None
        self._doing = "connecting"
        self._trouble: tuple[float, str] | None = None
        self._after_remark: bool | None = None  # what was printed last; None = nothing yet
        self._heard = clock()
        self._spinner = Spinner("dots", style="cyan")
        self._live = Live(console=console, auto_refresh=False, transient=True, get_renderable=self._draw)
        self._live.start()

    def take(self, event: Event) -> None:
        if not self._live.is_started:
            self._live.start()
        self._heard = self._clock()
        self._trouble = None
        match event:
            case Connected():
                self._doing = "connected"
            case Heartbeat(state=state):
                self._doing = _DOING.get(state or "", self._doing)
            case MessageStart(attempt=attempt):
                self._begin(attempt)
            case Content(text=text):
                self._doing = "writing"
                self._grow(harmless(text))
            case Thinking():
                self._doing = "thinking"
            case ToolInput(name=name):
                self._doing = f"writing a call of {harmless(name)}" if name else self._doing
            case ToolCall(name=name):
                self._doing = f"running {harmless(name)}"
            case MessageStop():
                self._finish()
            case Snapshot(text=text):
                self._text = ""
                self._grow(harmless(text))
            case Progress():
                self._progress = event
            case Reconnecting(delay_ms=delay_ms, reason=reason):
                self._trouble = (self._heard + delay_ms / 1000, reason)
            case Done():
                self._finish()
                self._progress = None
        if (line := sentence(event)) is not None:
            self._print(Text(line, style=_STYLES.get(type(event), "")))
        self.tick()

    def tick(self) -> None:
        """Draw again."""
        if self._live.is_started:
            self._live.refresh()

    def say(self, sentence: str) -> None:
        self._print(Text(sentence, style="dim"))

    def pause(self) -> None:
        self._live.stop()

    def close(self) -> None:
        self._finish()
        self._live.stop()

    # Text.

    def _begin(self, attempt: int) -> None:
        self._doing = "the model is working"
        if attempt > 1:
            self._text = ""
            self.say("↻ The answer broke off; the model starts this part again.")

    def _grow(self, text: str) -> None:
        finished, self._text = split_finished(self._text + text)
        if finished.strip():
            self._print(Answer(finished))

    def _finish(self) -> None:
        text, self._text = self._text, ""
        if text.strip():
            self._print(Answer(text))

    def _print(self, what: RenderableType) -> None:
        """Into the scroll-back: remarks stand together, text has air around it."""
        remark = isinstance(what, Text)
        if self._after_remark is not None and not (remark and self._after_remark):
            self._console.print()
        self._after_remark = remark
        self._console.print(what)

    # The part that moves.

    def _draw(self) -> RenderableType:
        parts: list[RenderableType] = []
        if self._text.strip():
            if self._after_remark is not None:
                parts.append(Text())
            parts.append(Tail(self._text, self._console.height - 6))
        if self._progress is not None:
            parts += [Text(), self._bar(self._progress)]
        parts.append(self._pulse())
        return Group(*parts)

    def _bar(self, progress: Progress) -> RenderableType:
        row = Table.grid(padding=(0, 1))
        message = Text(harmless(progress.message), no_wrap=True, overflow="ellipsis")
        if progress.progress is None:
            row.add_row(self._spinner, message)
            return row
        width = max(10, min(40, self._console.width - len(progress.message) - 8))
        row.add_row(
            message,
            ProgressBar(100, progress.progress, width=width, complete_style="cyan", finished_style="green"),
            Text(f"{int(progress.progress)}%"),
        )
        return row

    def _pulse(self) -> RenderableType:
        now = self._clock()
        if self._trouble is not None:
            wait = max(0.0, self._trouble[0] - now)
            return Text(f"○ Reconnecting... {'in ' + format(wait, '.0f') + ' s' if wait else 'now'}", style="yellow")
        age = now - self._heard
        dot = Text("● ", style="green" if age < 20 else "yellow")
        doing = Text(
            f"{self._doing} · {self._transport} · last sign of life {age:.0f} s ago · Ctrl-C stops", style="dim"
        )
        doing.truncate(self._console.width - 3, overflow="ellipsis")
        return Text.assemble(dot, doing)
