"""The JSON fallback: fold the log until its end and answer one document.

When the run takes longer than a heartbeat, the body starts early with white space, which JSON allows before a value, so
that neither proxies nor old clients time out. From then on the status is 200 and the document tells the truth.
"""

from __future__ import annotations

from oricode_protocol import codec
from oricode_protocol.document import document, waiting
from oricode_protocol.errors import error
from oricode_protocol.fold import Fold
from oricode_protocol.ids import Cursor
from starlette.responses import Response

from ..access.keys import Caller
from ..log.reader import Word
from ..log.run_log import DELTAS
from ..store.rows import RunRow
from .asgi import Scope, Send, outlet_of
from .attach import Attachment
from .streams import Streams

_START = [(b"content-type", b"application/json"), (b"cache-control", b"no-store"), (b"x-accel-buffering", b"no")]


async def answer(
    streams: Streams, caller: Caller, found: Attachment, scope: Scope, send: Send, headers: dict[str, str]
) -> None:
    """Wait for the run's end (or until only viewers can bring it on) and send its document."""
    extra = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    with streams.viewing(found, caller, resumable=False):
        outlet = outlet_of(scope)
        outlet.on_close(found.reader.close)
        outlet.stay()
        await _answer(streams, found, send, extra)


async def _answer(streams: Streams, found: Attachment, send: Send, extra: list[tuple[bytes, bytes]]) -> None:
    reader = found.reader
    folded = Fold()
    folded.apply("connected", {"run_id": found.row.id, "chat_id": found.row.chat_id})
    cursor = Cursor.start(found.row.id)
    started = False
    while not reader.closed:
        page = await reader.next()
        if isinstance(page, list):
            for record in page:
                for data in record.datas():
                    folded.apply(record.event, codec.loads(data))
            cursor = Cursor(found.row.id, page[-1].epoch, page[-1].seq)
            if page[-1].event not in DELTAS and waiting(folded.state()):
                break
        elif page is Word.BEAT:
            if not started:
                started = True
                await send({"type": "http.response.start", "status": 200, "headers": _START + extra})
            streams.engine.ports.observer.beat(streams.engine.doing(reader.log.run_no))
            await send({"type": "http.response.body", "body": b" ", "more_body": True})
            reader.wrote()  # and not for pages: they are folded, the client gets no byte of them
        elif page is Word.CLOSE and not started:
            raise error("restarting", retry_after=1)
        else:  # the end; or a drain, when the document says `running` and where to ask again
            break
    if reader.closed:
        return
    body = codec.dumps(document(folded.state()) | {"last_event_id": None if cursor.at_start else str(cursor)})
    if not started:
        length = [(b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": _START + length + extra})
    await send({"type": "http.response.body", "body": body, "more_body": False})


def stored(row: RunRow, result: bytes) -> Response:
    """The document of a run that ended and whose events are deleted, from its folded end state."""
    made = document(codec.loads(result)) | {"last_event_id": str(Cursor(row.id, row.epoch, row.last_seq))}
    return Response(codec.dumps(made), headers={"Cache-Control": "no-store"}, media_type="application/json")
