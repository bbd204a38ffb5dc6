"""What one WebSocket connection sends: the events of the runs attached to it, and words of its own.

In: attachments, and replies as frames. Out: frames, a page of a reader in one write; one task a run pumps its reader.
When no run is attached, whose reader would beat, the connection beats itself: browsers cannot see pings.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from contextlib import suppress

from oricode_protocol import codec, frames
from oricode_protocol.events import Event

from ..log.reader import LogTrimmed, Word
from ..log.run_log import framed
from ..store.rows import Record
from .asgi import Send
from .attach import Attachment
from .server import Outlet, PeerGone
from .streams import Streams

CLOSE_RESTART = 1012
"""Also at the connection's age: it says that nothing is wrong and one may come again."""


class Outgoing:
    """The sending side of one open WebSocket."""

    def __init__(self, streams: Streams, send: Send, outlet: Outlet) -> None:
        """``send`` is for the close; everything else goes out by ``outlet``."""
        self._streams = streams
        self._send_message = send
        self._outlet = outlet
        self._pumps: dict[str, tuple[Attachment, asyncio.Task[None]]] = {}
        self._beats: asyncio.Task[None] | None = None
        self._told: str | None = None
        """The reason of the last ``reconnect`` of a run."""
        self._loop = asyncio.get_running_loop()
        self.wrote_at = self._loop.time()
        self.closed = False

    @property
    def attached(self) -> Collection[str]:
        """The runs whose events are sent here."""
        return self._pumps.keys()

    def show(self, found: Attachment) -> None:
        """Send this run's events from now on, until its end."""
        task = self._loop.create_task(self._pump(found), name=f"pump of {found.row.id}")
        self._pumps[found.row.id] = (found, task)

    async def _pump(self, found: Attachment) -> None:
        reader, row = found.reader, found.row
        run = row.id.encode()
        try:
            with self._streams.viewing(found, None):
                await self.event(self._streams.connected(row, found.answer), run)
                if found.snapshot is not None:
                    snapshot_id = (found.snapshot_id or "").encode()
                    await self.send(frames.frame(b"snapshot", found.snapshot, run, snapshot_id))
                    found.snapshot = None
                await self._pages(found, run)
        except PeerGone:
            reader.close()  # the connection's own task learns of it too, and ends
        finally:
            if self._pumps.get(row.id, (None,))[0] is found:
                del self._pumps[row.id]

    async def _pages(self, found: Attachment, run: bytes) -> None:
        reader = found.reader
        full = False

        def write(messages: list[bytes]) -> None:
            nonlocal full
            if not self.closed:
                full = not self._outlet.write_all(messages)
                self.wrote_at = self._loop.time()
                reader.wrote()

        def eager(news: list[Record] | Word) -> bool:
            if full or self.closed:
                return False
            if isinstance(news, list):
                write(framed(reader.log, "websocket", news, _frames))
            else:
                write([_frame(self._streams.heartbeat(reader), run)])
            return True

        reader.eager = eager
        reader.wrote()
        while not reader.closed:
            if full:
                await self._outlet.drain()
                full = False
            try:
                page = await reader.next()
            except LogTrimmed:
                await self.close(1008, "gone")
                return
            if full:  # by what was written meanwhile
                await self._outlet.drain()
            if isinstance(page, list):
                write(framed(reader.log, "websocket", page, _frames))
            elif page is Word.BEAT:
                write([_frame(self._streams.heartbeat(reader), run)])
            elif page is Word.CLOSE:
                self._told = reader.close_reason or "restart"
                await self.event(self._streams.reconnect(self._told), run)
                return
            else:
                return
            del page  # while the peer stalls, what waits for it is held once: in the connection

    async def detach(self, run_id: str) -> None:
        """Send no more of this run, if it was attached; returns when its pump has stopped."""
        held = self._pumps.pop(run_id, None)
        if held is not None:
            found, task = held
            found.reader.close()
            task.cancel()
            await asyncio.wait([task])

    # The connection's own words.

    def beat(self) -> None:
        """The pulse's call."""
        if not self._pumps and self._beats is None:
            self._beats = self._loop.create_task(self._idle_beat())

    async def _idle_beat(self) -> None:
        try:
            await self.event(self._streams.heartbeat(None))
        except PeerGone:
            return
        finally:
            self._beats = None

    async def event(self, event: Event, run: bytes = b"") -> None:
        """Send an event of the connection itself, about ``run`` or none."""
        await self.send(_frame(event, run))

    async def send(self, *messages: bytes) -> None:
        """Send frames. Raises PeerGone."""
        if not self.closed:
            self.wrote_at = self._loop.time()
            room = self._outlet.write_all(messages)
            del messages
            if not room:
                await self._outlet.drain()

    # The end.

    def ask_to_close(self, reason: str) -> None:
        """Have every run here say ``reconnect``."""
        for found, _ in self._pumps.values():
            found.reader.ask_to_close(reason)

    async def leave(self, reason: str) -> None:
        """Say that one shall come again, and close; readers were told and say it for their runs."""
        pumps = [task for _, task in self._pumps.values()]
        if pumps:
            await asyncio.wait(pumps, timeout=1)
        elif self._told != reason:  # else its runs were quicker
            with suppress(PeerGone):  # it left by itself
                await self.event(self._streams.reconnect(reason))
        await self.close(CLOSE_RESTART, reason)

    async def close(self, code: int, reason: str) -> None:
        """Close the connection, once."""
        if not self.closed:
            self.closed = True
            with suppress(PeerGone):  # then it is closed all the same
                await self._send_message({"type": "websocket.close", "code": code, "reason": reason})

    async def end(self) -> None:
        """The client went away: end what is still pumped."""
        self.closed = True
        for found, task in list(self._pumps.values()):
            found.reader.close()
            task.cancel()
        if self._pumps:
            await asyncio.wait([task for _, task in self._pumps.values()])


def _frame(event: Event, run: bytes) -> bytes:
    """An event of the connection itself, which has no id."""
    return frames.frame(event.event.encode(), codec.encode(event), run)


def _frames(run: bytes, page: list[Record]) -> list[bytes]:
    """A page of records as frames."""
    return [
        frame
        for record in page
        for frame in frames.frames(record.event.encode(), record.data, run, record.epoch, record.first)
    ]
