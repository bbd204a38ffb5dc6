"""Joins characters that a model's stream cut in two.

In: typed events whose text may end in half a character (a lone surrogate: legal JSON, but nothing in Python can print
it). Out: the same events with the half moved to the next piece. What never gets its other half becomes U+FFFD in
``run.text``; a viewer of pieces does not see it.
"""

from __future__ import annotations

from dataclasses import replace

from oricode_protocol.codec import mend
from oricode_protocol.events import Content, Event, Thinking


class Halves:
    """The half that waits for the next piece of its block."""

    def __init__(self) -> None:
        self._waiting = ""
        self._block: tuple[type[Event], int] | None = None

    def join(self, event: Event) -> Event:
        """``event``, whole."""
        if not isinstance(event, Content | Thinking):
            return event
        block = (type(event), event.index)
        text = event.text if block != self._block else self._waiting + event.text
        self._block, self._waiting = block, ""
        if text and "\ud800" <= text[-1] <= "\udbff":
            text, self._waiting = text[:-1], text[-1]
        text = mend(text)
        return event if text == event.text else replace(event, text=text)
