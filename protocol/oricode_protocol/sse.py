"""Server-sent events: framing and an incremental decoder (WHATWG HTML, section 9.2).

Framing writes each block as ``retry`` (first block of a connection only), ``id``, ``event``, then one ``data`` line,
all lines ended by LF, so that a plain line reader that knows only ``data:`` can follow. ``data`` is JSON from
:mod:`codec` and therefore one line. The decoder accepts whatever the standard allows.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

CONTENT_TYPE = "text/event-stream"
_LINE_END = re.compile(r"\r\n|\n|\r")
_DIGITS = re.compile(r"0*([0-9]+)\Z", re.ASCII)
LONGEST_RETRY_MS = 86_400_000
"""A reconnection time of more than a day counts as a day."""
_ITS_DIGITS = 8
"""More of them are not even read: Python refuses numbers of some thousand digits with an exception."""


def block(event: bytes, data: bytes, id: bytes = b"", retry_ms: int | None = None) -> bytes:
    """One event as an SSE block.

    ``id`` empty = no id line (never an empty one: it would reset the client's cursor). ``event`` and ``id`` must come
    from the protocol's closed alphabets, ``data`` from :mod:`codec`; nothing is escaped here.
    """
    head = b"retry: %d\n" % retry_ms if retry_ms is not None else b""
    if id:
        head += b"id: " + id + b"\n"
    return head + b"event: " + event + b"\ndata: " + data + b"\n\n"


def blocks(event: bytes, data: bytes, run: bytes, epoch: int, first: int) -> bytes:
    """Events of one name and epoch as :func:`block` writes them, all at once.

    ``data`` has one line for each; ``first`` is the seq of the first one.
    """
    form = b"id: %b.%d." % (run, epoch) + b"%d\nevent: " + event + b"\ndata: %b\n\n"
    if b"\n" not in data:
        return form % (first, data)
    return b"".join([form % numbered for numbered in enumerate(data.split(b"\n"), first)])


@dataclass(frozen=True, slots=True)
class ServerSentEvent:
    """A dispatched event."""

    event: str
    """``message`` when the stream named none."""
    data: str
    id: str
    """The last event id at the time of dispatch; may stem from an earlier event; empty when there was none."""


class Decoder:
    """Bytes in, dispatched events out.

    Feed chunks as they come, split anywhere. An event without its blank line at the end of the stream is dropped,
    as the standard asks.
    """

    def __init__(self) -> None:
        self.last_event_id = ""
        self.retry_ms: int | None = None
        """The reconnection time the stream asked for, at most a day; None when it did not."""
        self._utf8 = codecs.getincrementaldecoder("utf-8")("replace")
        self._at_start = True
        self._parts: list[str] = []
        self._after_cr = False
        self._id = ""
        self._event = ""
        self._data: list[str] = []

    def feed(self, chunk: bytes) -> list[ServerSentEvent]:
        """Take the next chunk; return the events it completed."""
        text = self._utf8.decode(chunk)
        if not text:
            return []
        if self._at_start:
            self._at_start = False
            text = text.removeprefix("\ufeff")
        if self._after_cr:  # the chunk before ended in CR: a LF now belongs to the same line end
            self._after_cr = False
            text = text.removeprefix("\n")
        if not text:
            return []
        self._after_cr = text.endswith("\r")
        pieces = _LINE_END.split(text)
        if len(pieces) == 1:
            self._parts.append(text)  # no line end yet: kept in parts, so that a long line costs O(n)
            return []
        self._parts.append(pieces[0])
        pieces[0] = "".join(self._parts)
        rest = pieces.pop()
        self._parts = [rest] if rest else []
        events: list[ServerSentEvent] = []
        for line in pieces:
            if line:
                self._field(line)
            else:
                self._dispatch(events)
        return events

    def _field(self, line: str) -> None:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
        elif name == "event":
            self._event = value
        elif name == "id":
            if "\0" not in value:
                self._id = value
        elif name == "retry" and (digits := _DIGITS.match(value)):
            count = digits[1]
            self.retry_ms = LONGEST_RETRY_MS if len(count) > _ITS_DIGITS else min(LONGEST_RETRY_MS, int(count))

    def _dispatch(self, events: list[ServerSentEvent]) -> None:
        self.last_event_id = self._id
        if self._data:
            events.append(ServerSentEvent(self._event or "message", "\n".join(self._data), self._id))
        self._data = []
        self._event = ""
