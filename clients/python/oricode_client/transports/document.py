"""One JSON document instead of a stream, turned into the events it stands for.

While the service works, the body is white space, one byte each heartbeat: a sign of life. When the answer is
``waiting`` (for a client tool or an approval), the run is asked for again and again until it has ended. What is seen:
``connected``, ``heartbeat``; ``message_start``, ``content``, ``message_stop``; what is pending; ``error``, ``done``.
"""

from __future__ import annotations

import asyncio
import time
from urllib.parse import quote

import httpx

from ..errors import ConnectionLost, ProtocolViolation
from ..service import Service, lost
from ..wire import JsonObject, Wire, parse_object
from . import MAX_EVENT_BYTES, Connection, Place

_ENDED = ("completed", "failed", "cancelled")
_FIRST_POLL, _SLOWEST_POLL = 0.25, 5.0
"""Seconds between two questions; the gap doubles while nothing changes."""


class Document:
    """What was shown of a run so far; turns its document into the events that are new."""

    def __init__(self) -> None:
        self._connected = False
        self._text = ""
        self._turn = 0
        self._calls: set[str] = set()
        self._approvals: set[str] = set()

    def events(self, document: JsonObject) -> list[Wire]:
        """The events that bring a viewer from what was shown to what ``document`` says."""
        try:
            return self._events(document)
        except (KeyError, TypeError) as cause:
            raise ProtocolViolation(f"The run's document lacks a field: {cause}.") from None

    def _events(self, document: JsonObject) -> list[Wire]:
        run_id, status = document["run_id"], document["status"]
        wires = []
        if not self._connected:
            self._connected = True
            connected = {"message": "Connected to Oricode AI", "run_id": run_id, "chat_id": document.get("chat_id")}
            wires.append(Wire("", "connected", {**connected, "resume": "new"}))
        if status not in (*_ENDED, "waiting"):
            return wires
        wires += self._message(run_id, document)
        wires += self._pending(document)
        if status in _ENDED:
            wires += self._end(document)
        if wires and (last_id := document.get("last_event_id")):
            # The document's id covers all of it: only the last event may move the cursor.
            wires[-1] = Wire(str(last_id), wires[-1].event, wires[-1].data)
        return wires

    def _message(self, run_id: str, document: JsonObject) -> list[Wire]:
        text: str = document["text"]
        if not text.startswith(self._text):
            raise ProtocolViolation("The answer's text changed after it was complete.")
        fresh, self._text = text[len(self._text) :], text
        if not fresh and self._turn:
            return []
        self._turn += 1
        message_id = f"{run_id}-{self._turn}"
        start = {"message": "Message started", "message_id": message_id, "turn": self._turn, "attempt": 1}
        stop = {"message": "Message complete", "message_id": message_id, "stop_reason": document.get("stop_reason")}
        wires = [Wire("", "message_start", {**start, "model": document.get("model") or ""})]
        if fresh:
            wires.append(Wire("", "content", {"text": fresh, "index": 0}))
        return [*wires, Wire("", "message_stop", stop)]

    def _pending(self, document: JsonObject) -> list[Wire]:
        wires = []
        for call in document.get("tool_calls") or []:
            if call["tool_call_id"] in self._calls or call.get("runs") != "client" or call.get("state") == "ended":
                continue
            self._calls.add(call["tool_call_id"])
            keys = ("tool_call_id", "name", "input", "runs", "deadline")
            wires.append(Wire("", "tool_call", {key: call[key] for key in keys if call.get(key) is not None}))
        for approval in document.get("approvals") or []:
            if approval["approval_id"] not in self._approvals:
                self._approvals.add(approval["approval_id"])
                wires.append(Wire("", "approval_required", approval))
        return wires

    def _end(self, document: JsonObject) -> list[Wire]:
        status = document["status"]
        wires = []
        if state := document.get("state"):  # what tools did meanwhile; the same text once more
            wires.append(Wire("", "snapshot", state))
        if sentence := document.get("error"):
            failure = {"code": document.get("code") or "internal", "retryable": bool(document.get("retryable"))}
            wires.append(Wire("", "error", {"error": sentence, **failure}))
        done = {"message": "Complete" if status == "completed" else status.capitalize(), "status": status}
        extra = {key: document.get(key) for key in ("stop_reason", "usage", "duration_ms")}
        return [*wires, Wire("", "done", {**done, **{k: v for k, v in extra.items() if v is not None}})]


class Json:
    """Asks for one JSON answer; then, while the run is not over, for its document."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._document = Document()

    async def open(self, place: Place, silence: float) -> Connection:
        if place.run_id is not None:
            return Polling(self._service, place.run_id, self._document)
        headers = {"Accept": "application/json", "Idempotency-Key": place.idempotency_key}
        body = {**place.request, "stream": False}
        response = await self._service.stream("POST", "/api/chat", body, headers, silence)
        return DocumentConnection(response, self._document)


class DocumentConnection:
    """The answer to a start, as it arrives."""

    planned = True  # a document that says `waiting` ends here and is asked for again
    retry_ms = None

    def __init__(self, response: httpx.Response, document: Document) -> None:
        self._response = response
        self._chunks = response.aiter_raw()
        self._body = bytearray()
        self._document = document
        self._over = False

    async def read(self, silence: float) -> list[Wire]:
        while not self._over:
            try:
                async with asyncio.timeout(silence):
                    chunk = await anext(self._chunks, None)
            except TimeoutError:
                raise ConnectionLost(f"Nothing was heard for {silence:.0f} s.") from None
            except httpx.TransportError as cause:
                raise lost(cause) from cause
            if chunk is None:
                self._over = True
                return self._document.events(self._whole())
            self._body += chunk if self._body else chunk.lstrip()
            if not self._body:
                return [_heartbeat()]
            if len(self._body) > MAX_EVENT_BYTES:
                raise ProtocolViolation("The answer is longer than 16 MiB.")
        return []

    def _whole(self) -> JsonObject:
        try:
            return parse_object(self._body, "The answer")
        except ProtocolViolation:  # the key that started the run gets the whole answer when it asks again
            raise ConnectionLost("The answer broke off.") from None

    async def close(self) -> None:
        await self._response.aclose()


class Polling:
    """Asks for the run's document until it has ended."""

    planned = True
    retry_ms = None

    def __init__(self, service: Service, run_id: str, document: Document) -> None:
        self._service = service
        self._path = f"/api/runs/{quote(run_id)}"
        self._document = document
        self._gap = 0.0
        self._over = False

    async def read(self, silence: float) -> list[Wire]:
        if self._over:
            return []
        await asyncio.sleep(self._gap)
        self._gap = min(_SLOWEST_POLL, self._gap * 2 or _FIRST_POLL)
        answer = await self._service.call("GET", self._path)
        self._over = answer.get("status") in _ENDED
        return self._document.events(answer) or [_heartbeat()]

    async def close(self) -> None:
        """Nothing is held open between two questions."""


def _heartbeat() -> Wire:
    """A sign of life without more to say."""
    return Wire("", "heartbeat", {"timestamp": int(time.time() * 1000)})
