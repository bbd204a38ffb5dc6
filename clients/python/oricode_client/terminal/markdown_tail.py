"""Streaming Markdown: which part of a growing text is finished, and how its unfinished rest is drawn.

A finished part ends at a blank line outside of a code fence: nothing that follows changes how it looks, so it can be
printed for good. The rest is drawn again and again, its last lines only, so that it never outgrows the window.
"""

from __future__ import annotations

import re
from typing import ClassVar

from rich.console import Console, ConsoleOptions, RenderResult
from rich.markdown import Heading, Markdown
from rich.segment import Segment

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})(.*)")


def split_finished(text: str) -> tuple[str, str]:
    """(what may be printed for good, the rest)."""
    fence = ""
    position = end = 0
    for line in text.splitlines(keepends=True):
        position += len(line)
        match = _FENCE.match(line)
        if fence:
            if match and match[1].startswith(fence) and not match[2].strip():
                fence = ""
        elif match and not (match[1][0] == "`" and "`" in match[2]):
            fence = match[1]
        elif line.endswith("\n") and not line.strip():
            end = position
    return text[:end], text[end:]


class _Heading(Heading):
    LEVEL_ALIGN: ClassVar = {}  # a centred heading looks lost in a conversation


class Answer(Markdown):
    """A part of an answer."""

    elements: ClassVar = {**Markdown.elements, "heading_open": _Heading}


class Tail:
    """The last ``lines`` lines of a text as Markdown."""

    def __init__(self, text: str, lines: int) -> None:
        self._text = text
        self._lines = max(1, lines)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        lines = console.render_lines(Answer(self._text), options.update(height=None), pad=False)
        for line in lines[-self._lines :]:
            yield from line
            yield Segment.line()
