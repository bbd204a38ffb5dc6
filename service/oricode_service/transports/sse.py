"""Server-sent events over HTTP: pages of a reader become blocks, one write a page.

Exact wire facts: PRODUCT headers, ``retry`` in the first block only, ``id``, ``event``, one ``data`` line. The stream
ends after ``done`` or ``reconnect``; a viewer that went away ends the reader, never the run.
"""

from __future__ import annotations

import asyncio

from oricode_protocol import codec, sse
from oricode_protocol.events import Event

from ..access.keys import Caller
from ..log.reader import LogTrimmed, Word
from ..store.rows import Record
from .asgi import Receive, Send
from .attach import Attachment
from .streams import RETRY_MS, Streams

HEADERS = [
    (b"content-type", sse.CONTENT_TYPE.encode()),
    (b"cache-control", b"no-cache"),
    (b"connection", b"keep-alive"),
    (b"x-accel-buffering", b"no"),
]


async def stream(
    streams: Streams,
    caller: Caller,
    found: Attachment,
    receive: Receive,
    send: Send,
    headers: dict[str, str],
) -> None:
    """Send the attachment's events until its end."""
    extra = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS + extra})
    reader, run_no = found.reader, found.row.no
    with streams.reading(reader, caller):
        streams.engine.viewer_came(run_no)
        gone = asyncio.create_task(_watch(receive, found))
        try:
            await _pump(streams, found, send)
        finally:
            gone.cancel()
            await streams.engine.viewer_left(run_no)


async def _pump(streams: Streams, found: Attachment, send: Send) -> None:
    reader, run_id = found.reader, found.row.id
    first = _own(streams.connected(found.row, found.answer), RETRY_MS)
    if found.snapshot is not None:
        first += sse.block(b"snapshot", found.snapshot, (found.snapshot_id or "").encode())
    await _write(send, first)
    while not reader.closed:
        reader.wrote()
        try:
            page = await found.pages.next()
        except LogTrimmed:
            break
        if isinstance(page, list):
            await _write(send, blocks(run_id, page))
        elif page is Word.BEAT:
            await _write(send, _own(streams.heartbeat(reader)))
        elif page is Word.CLOSE:
            await _write(send, _own(streams.reconnect(reader.close_reason or "restart")))
            break
        else:
            break
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _watch(receive: Receive, found: Attachment) -> None:
    """Wait for the client to go away."""
    while (await receive())["type"] != "http.disconnect":
        continue
    found.reader.close()


async def _write(send: Send, data: bytes) -> None:
    await send({"type": "http.response.body", "body": data, "more_body": True})


def blocks(run_id: str, page: list[Record]) -> bytes:
    """A page of records as SSE blocks."""
    return b"".join(
        [
            sse.block(record.event.encode(), record.data, f"{run_id}.{record.epoch}.{record.seq}".encode())
            for record in page
        ]
    )


def _own(event: Event, retry_ms: int | None = None) -> bytes:
    """An event of the connection itself, which has no id."""
    return sse.block(event.event.encode(), codec.encode(event), b"", retry_ms)
