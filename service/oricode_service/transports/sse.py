"""Server-sent events over HTTP: pages of a reader become blocks, one write a page.

Exact wire facts: the product's headers, ``retry`` in the first block only, ``id``, ``event``, one ``data`` line. The
stream ends after ``done`` or ``reconnect``; a viewer that went away ends the reader, never the run.
"""

from __future__ import annotations

from oricode_protocol import codec, sse
from oricode_protocol.events import Event

from ..access.keys import Caller
from ..log.reader import LogTrimmed, Word
from ..log.run_log import framed
from ..store.rows import Record
from .asgi import Receive, Scope, Send, outlet_of
from .attach import Attachment
from .server import Outlet
from .streams import Streams

HEADERS = [
    (b"content-type", sse.CONTENT_TYPE.encode()),
    (b"cache-control", b"no-cache"),
    (b"connection", b"keep-alive"),
    (b"x-accel-buffering", b"no"),
]


async def stream(
    streams: Streams, caller: Caller, found: Attachment, scope: Scope, send: Send, headers: dict[str, str]
) -> None:
    """Send the attachment's events until its end. Raises PeerGone when the viewer went away."""
    extra = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    with streams.viewing(found, caller):
        await send({"type": "http.response.start", "status": 200, "headers": HEADERS + extra})
        outlet = outlet_of(scope)
        outlet.on_close(found.reader.close)
        await _pump(streams, found, outlet)
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def head(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer HEAD: the headers of a stream, and no stream."""
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _pump(streams: Streams, found: Attachment, outlet: Outlet) -> None:
    reader = found.reader
    full = False

    def write(data: bytes) -> None:
        nonlocal full
        full = not outlet.write(data)
        reader.wrote()

    def eager(news: list[Record] | Word) -> bool:
        if full:
            return False
        write(framed(reader.log, "sse", news, blocks) if isinstance(news, list) else _own(streams.heartbeat(reader)))
        return True

    first = _own(streams.connected(found.row, found.answer), streams.retry_ms())
    if found.snapshot is not None:
        first += sse.block(b"snapshot", found.snapshot, (found.snapshot_id or "").encode())
        found.snapshot = None
    reader.eager = eager
    write(first)
    del first
    while True:
        if full:
            await outlet.drain()
            full = False
        try:
            page = await reader.next()
        except LogTrimmed:
            return
        if full:  # by what was written meanwhile
            await outlet.drain()
        if isinstance(page, list):
            write(framed(reader.log, "sse", page, blocks))
        elif page is Word.BEAT:
            write(_own(streams.heartbeat(reader)))
        elif page is Word.CLOSE:
            outlet.write(_own(streams.reconnect(reader.close_reason or "restart")))
            return
        else:
            return
        del page  # while the peer stalls, what waits for it is held once: in the connection


def blocks(run: bytes, page: list[Record]) -> bytes:
    """A page of records as SSE blocks."""
    return b"".join([sse.blocks(r.event.encode(), r.data, run, r.epoch, r.first) for r in page])


def _own(event: Event, retry_ms: int | None = None) -> bytes:
    """An event of the connection itself, which has no id."""
    return sse.block(event.event.encode(), codec.encode(event), b"", retry_ms)
