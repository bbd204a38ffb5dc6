"""A run in plain lines, for pipes, logs and simple terminals: the answer to one stream, everything else to another.

Into a pipe, the text of a message is written when the message is complete: until then another attempt of the model may
take it back, and what is in a pipe cannot be taken back. At a terminal it is written as it comes.
"""

from __future__ import annotations

from typing import TextIO

from oricode_protocol.events import Event

from ..events import Content, Done, MessageStart, MessageStop, Progress, Snapshot
from .view import harmless, sentence


class PlainView:
    """Writes text to ``answer`` and remarks to ``remarks``."""

    def __init__(self, answer: TextIO, remarks: TextIO) -> None:
        self._answer = answer
        self._remarks = remarks
        self._held = not answer.isatty()
        self._message: list[str] = []
        self._at_line_start = True

    def take(self, event: Event) -> None:
        match event:
            case MessageStart(attempt=attempt):
                if attempt > 1:
                    self.say("The answer broke off; the model starts this part again.")
                    self._message.clear()
            case Content(text=text):
                self._message.append(text)
                if not self._held:
                    self._write(harmless(text))
            case MessageStop():
                self._flush()
            case Snapshot(text=text):
                self._message = [text]
                if not self._held:
                    self._write(harmless(text))
            case Progress(message=message, progress=percent):
                self.say(f"[{percent:3.0f}%] {harmless(message)}" if percent is not None else harmless(message))
            case Done():
                self._flush()
                if not self._at_line_start:
                    self._write("\n")
        if (line := sentence(event)) is not None:
            self.say(line)

    def _flush(self) -> None:
        text = "".join(self._message)
        self._message.clear()
        if self._held:
            self._write(text)

    def _write(self, text: str) -> None:
        if text:
            self._answer.write(text)
            self._answer.flush()
            self._at_line_start = text.endswith("\n")

    def say(self, sentence: str) -> None:
        if self._answer.isatty() and not self._at_line_start:
            self._write("\n")
        print(sentence, file=self._remarks, flush=True)

    def pause(self) -> None:
        """Nothing is drawn that would be in the way."""

    def close(self) -> None:
        """Nothing is open."""
