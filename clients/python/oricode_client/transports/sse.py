"""Server-sent events over HTTP POST (start) and GET (resume).

When the service answers a start with one JSON document instead (an operator's rollout does that), the document is
read by :mod:`document`: the caller sees events all the same.
"""

from __future__ import annotations

import asyncio
from urllib.parse import quote

import httpx
from oricode_protocol import sse
from oricode_protocol.events import EVENTS, Snapshot

from ..errors import ConnectionLost, ProtocolViolation
from ..service import Service, lost
from ..wire import Wire, parse_object
from . import MAX_EVENT_BYTES, AlreadyEnded, Connection, Place
from .document import Document, DocumentConnection


class Sse:
    """Opens SSE streams."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._document = Document()

    async def open(self, place: Place, silence: float) -> Connection:
        headers = {"Accept": "text/event-stream"}
        if place.after:
            headers["Last-Event-ID"] = place.after
        if place.run_id is None:
            headers["Idempotency-Key"] = place.idempotency_key
            body = {**place.request, "stream": True}
            response = await self._service.stream("POST", "/api/chat", body, headers, silence)
        else:
            path = f"/api/runs/{quote(place.run_id)}/events"
            response = await self._service.stream("GET", path, None, headers, silence)
        if response.status_code == 204:
            await response.aclose()
            raise AlreadyEnded
        kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind == sse.CONTENT_TYPE:
            return SseConnection(response, place.after)
        if kind == "application/json" and place.run_id is None:
            return DocumentConnection(response, self._document)
        await response.aclose()
        raise ProtocolViolation(f"{self._service.url} answered with {kind or 'no content type'}: is that an Oricode?")


class SseConnection:
    """One open stream."""

    planned = False

    def __init__(self, response: httpx.Response, after: str) -> None:
        self._response = response
        self._chunks = response.aiter_raw()
        self._decoder = sse.Decoder()
        self._decoder.last_event_id = after
        self._last_id = ""
        self._unfinished = 0

    @property
    def retry_ms(self) -> int | None:
        return self._decoder.retry_ms

    async def read(self, silence: float) -> list[Wire]:
        while True:
            try:
                async with asyncio.timeout(silence):
                    chunk = await anext(self._chunks, None)
            except TimeoutError:
                raise ConnectionLost(f"Nothing was heard for {silence:.0f} s.") from None
            except httpx.TransportError as cause:
                raise lost(cause) from cause
            if chunk is None:
                return []
            if events := self._decoder.feed(chunk):
                self._unfinished = 0
                return [self._wire(event) for event in events]
            self._unfinished += len(chunk)
            if self._unfinished > MAX_EVENT_BYTES:
                raise ProtocolViolation("An event is longer than 16 MiB.")

    def _wire(self, event: sse.ServerSentEvent) -> Wire:
        # The standard lets an id stick to the events after it; ours belong to one event.
        own = event.id if event.id != self._last_id and _carries_id(event.event) else ""
        self._last_id = event.id
        return Wire(own, event.event, parse_object(event.data, f"The data of an event `{event.event}`"))

    async def close(self) -> None:
        await self._response.aclose()


def _carries_id(event: str) -> bool:
    cls = EVENTS.get(event)
    return cls is None or cls.durable or cls is Snapshot
