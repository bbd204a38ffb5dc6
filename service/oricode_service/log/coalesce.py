"""Joining neighbouring deltas for readers that asked for ``batch_ms``.

The first delta goes at once, then deltas are held to the end of the window, and any other event flushes them. A joined
delta carries the id of its last member, so every cursor stays exact. The log is not changed; only these readers see it
so, and those of one run who hold the same deltas share the work.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from oricode_protocol import codec

from ..store.rows import Record
from .reader import Reader, Word
from .run_log import DELTAS

_FIELD = {"content": "text", "thinking": "text", "tool_input": "partial_json"}


class CoalescingReader:
    """Wraps a reader; ``window`` in seconds."""

    def __init__(self, reader: Reader, window: float) -> None:
        self.reader = reader
        self._window = window
        self._hold_until = 0.0
        self._loop = asyncio.get_running_loop()

    async def next(self) -> list[Record] | Word:
        """As :meth:`Reader.next`, with neighbouring deltas joined."""
        await self._hold()
        page = await self.reader.next()
        if isinstance(page, list):
            self._hold_until = self._end_of_window() if page[-1].event in DELTAS else 0.0
            return self._joined(page)
        return page

    def _end_of_window(self) -> float:
        """Windows are the same for all readers, so that those of one run ask for the same pages at the same time."""
        return (self._loop.time() // self._window + 1) * self._window

    def _joined(self, page: list[Record]) -> list[Record]:
        log, first, last = self.reader.log, page[0].first, page[-1].seq
        held = log.joined
        if held is None or held[:2] != (first, last):
            held = log.joined = (first, last, join(page))
        return held[2]

    async def _hold(self) -> None:
        """Wait for the window's end, a solid event, or a wish to close."""
        reader, log = self.reader, self.reader.log
        while (
            (left := self._hold_until - self._loop.time()) > 0
            and log.last_solid <= reader.cursor
            and reader.close_reason is None
            and not reader.closed
        ):
            changed: asyncio.Future[None] = self._loop.create_future()

            def wake(changed: asyncio.Future[None] = changed) -> None:
                if not changed.done():
                    changed.set_result(None)

            await self._changed_or_late(changed, wake, left)

    async def _changed_or_late(self, changed: asyncio.Future[None], wake: Callable[[], None], left: float) -> None:
        self.reader.log.on_solid(wake)
        self.reader.on_wake = wake
        timer = self._loop.call_later(left, wake)
        try:
            await changed
        finally:
            timer.cancel()
            self.reader.on_wake = None
            self.reader.log.forget(wake)


def join(page: list[Record]) -> list[Record]:
    """``page`` with runs of deltas of one block joined into the last of each."""
    out: list[Record] = []
    held: list[Record] = []
    for record in page:
        if held and not _same_block(held[-1], record):
            out.append(_joined(held))
            held = []
        if record.event in DELTAS:
            held.append(record)
        else:
            out.append(record)
    if held:
        out.append(_joined(held))
    return out


def _same_block(one: Record, other: Record) -> bool:
    if one.event != other.event or one.epoch != other.epoch:
        return False
    a, b = codec.loads(one.datas()[0]), codec.loads(other.datas()[0])
    return bool(a["index"] == b["index"] and a.get("tool_call_id") == b.get("tool_call_id"))


def _joined(records: list[Record]) -> Record:
    lines = [line for record in records for line in record.datas()]
    if len(lines) == 1:
        return records[0]
    field = _FIELD[records[0].event]
    datas = [codec.loads(line) for line in lines]
    text = "".join(data[field] for data in datas)
    return records[-1]._replace(data=codec.dumps({**datas[0], field: text}))
