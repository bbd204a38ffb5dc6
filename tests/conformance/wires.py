"""One chat over each of the three transports, told the same way. Stock libraries only: nothing here is ours.

``ask`` brings a run to its answer; ``open`` starts one and hands it over while it lives; ``refused`` expects a problem.
"""

from __future__ import annotations

import asyncio
import json
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from conformance.house import House
from httpx_sse import aconnect_sse
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

PATIENCE = 20
_keys = count(1)


@dataclass(frozen=True)
class Event:
    """A durable event or one of the connection (id empty)."""

    id: str
    name: str
    data: dict[str, Any]


@dataclass
class Answer:
    """What a person is left with, by whatever transport."""

    run_id: str
    chat_id: str
    status: str
    text: str
    last_id: str
    error: str | None
    usage: dict[str, int] | None
    events: list[Event] = field(default_factory=list)
    """All of them, in order; empty over JSON."""
    body: bytes = b""
    """The raw document; JSON only."""

    def named(self, name: str) -> list[Event]:
        return [event for event in self.events if event.name == name]


class Open(ABC):
    """A run that was started and may still live."""

    run_id: str = ""
    chat_id: str = ""

    @abstractmethod
    async def until(self, name: str) -> Event | None:
        """Wait for an event of this name; over JSON for its trace in the run's log. The event when it was seen."""

    @abstractmethod
    async def answer(self) -> Answer:
        """Read on to the end."""

    @abstractmethod
    async def leave(self) -> None:
        """Disconnect without a word."""


class Wire(ABC):
    """A transport."""

    name: str

    def __init__(self, house: House) -> None:
        self.house = house

    @abstractmethod
    def open(self, **body: Any) -> AbstractAsyncContextManager[Open]: ...

    @abstractmethod
    async def refused(self, **body: Any) -> dict[str, Any]:
        """The problem that a chat request is answered with."""

    @abstractmethod
    async def cancel(self, run_id: str) -> None: ...

    @abstractmethod
    async def tool_result(self, run_id: str, **data: Any) -> dict[str, Any]:
        """The answer: ``{}``-like when taken, a problem with ``code`` when not."""

    @abstractmethod
    async def approve(self, run_id: str, approval_id: str, decision: str) -> dict[str, Any]: ...

    async def ask(self, **body: Any) -> Answer:
        async with asyncio.timeout(PATIENCE), self.open(**body) as opened:
            return await opened.answer()


def folded(run_id: str, chat_id: str, events: list[Event]) -> Answer:
    """An answer from events, by the two rules every client must know: text adds up, an attempt voids its message."""
    texts: dict[str, str] = {}
    message = ""
    for event in events:
        if event.name == "message_start":
            message = event.data["message_id"]
            texts[message] = ""
        elif event.name == "content":
            texts[message] += event.data["text"]
    last = events[-1]
    assert last.name == "done", f"the stream ended with {last.name}"
    error = next((event.data["error"] for event in events if event.name == "error"), None)
    text = "".join(texts.values())
    return Answer(run_id, chat_id, last.data["status"], text, last.id, error, last.data.get("usage"), events)


class _OverHttp(Wire):
    """What SSE and JSON share: commands are requests."""

    async def _post(self, path: str, body: Any) -> dict[str, Any]:
        answer: dict[str, Any] = (await self.house.http.post(path, json=body)).json()
        return answer

    async def refused(self, **body: Any) -> dict[str, Any]:
        response = await self.house.http.post("/api/chat", json={"stream": self.name == "sse", **body})
        assert response.headers["content-type"] == "application/problem+json", response.text
        problem: dict[str, Any] = response.json()
        assert problem["status"] == response.status_code
        return problem

    async def cancel(self, run_id: str) -> None:
        response = await self.house.http.post(f"/api/runs/{run_id}/cancel")
        assert response.status_code in (200, 202)

    async def tool_result(self, run_id: str, **data: Any) -> dict[str, Any]:
        return await self._post(f"/api/runs/{run_id}/tool_results", data)

    async def approve(self, run_id: str, approval_id: str, decision: str) -> dict[str, Any]:
        return await self._post(f"/api/runs/{run_id}/approvals/{approval_id}", {"decision": decision})


class _OpenStream(Open):
    """Over anything that yields events."""

    def __init__(self, events: AsyncIterator[Event]) -> None:
        self._incoming = events
        self.seen: list[Event] = []

    async def connected(self) -> _OpenStream:
        first = await self._next()
        assert first.name == "connected"
        self.run_id, self.chat_id = first.data["run_id"], first.data["chat_id"]
        return self

    async def _next(self) -> Event:
        async with asyncio.timeout(PATIENCE):
            event = await anext(self._incoming)
        self.seen.append(event)
        return event

    async def until(self, name: str) -> Event:
        found = next((event for event in self.seen if event.name == name), None)
        while found is None:
            event = await self._next()
            assert event.name != "done" or name == "done", f"the run ended before {name}"
            found = event if event.name == name else None
        return found

    async def answer(self) -> Answer:
        while not self.seen or self.seen[-1].name != "done":
            await self._next()
        return folded(self.run_id, self.chat_id, self.seen)


class _OpenSse(_OpenStream):
    def __init__(self, events: AsyncIterator[Event], response: Any) -> None:
        super().__init__(events)
        self._response = response

    async def leave(self) -> None:
        await self._response.aclose()


class SseWire(_OverHttp):
    """httpx-sse over POST."""

    name = "sse"

    @asynccontextmanager
    async def open(self, **body: Any) -> AsyncIterator[Open]:
        request = {"stream": True, **body}
        async with aconnect_sse(self.house.http, "POST", "/api/chat", json=request) as source:
            yield await _OpenSse(self._events(source), source.response).connected()

    async def _events(self, source: Any) -> AsyncIterator[Event]:
        last = ""
        async for sse in source.aiter_sse():  # its ``id`` stays from event to event, as the standard asks
            own = sse.id if sse.id != last else ""
            last = sse.id
            yield Event(own, sse.event, json.loads(sse.data))


class JsonWire(_OverHttp):
    """A plain POST that waits."""

    name = "json"

    @asynccontextmanager
    async def open(self, **body: Any) -> AsyncIterator[Open]:
        opened = _OpenJson(self.house, body)
        try:
            yield opened
        finally:
            await opened.leave()


class _OpenJson(Open):
    """The answer comes at the end; what happens meanwhile is seen by the same idempotency key over SSE."""

    def __init__(self, house: House, body: dict[str, Any]) -> None:
        self._house = house
        self._body = {"idempotency_key": f"json-{next(_keys)}", **body}
        self._post = asyncio.create_task(house.http.post("/api/chat", json=self._body))

    async def until(self, name: str) -> Event | None:
        async with SseWire(self._house).open(**self._body) as watching:
            event = await watching.until(name)
            self.run_id, self.chat_id = watching.run_id, watching.chat_id
            return event

    async def answer(self) -> Answer:
        async with asyncio.timeout(PATIENCE):
            response = await self._post
        assert response.status_code == 200, response.text
        assert response.headers["content-type"] == "application/json"
        made = response.json()
        return Answer(
            made["run_id"], made["chat_id"], made["status"], made["text"], made["last_event_id"],
            made["error"], made["usage"], body=response.content,
        )  # fmt: skip

    async def leave(self) -> None:
        self._post.cancel()
        await asyncio.gather(self._post, return_exceptions=True)


class Socket:
    """A WebSocket with the protocol's frames, as plain as they are."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self._refs = count(1)
        self.frames: list[dict[str, Any]] = []
        """Frames that came while something else was waited for."""

    async def receive(self) -> dict[str, Any]:
        async with asyncio.timeout(PATIENCE):
            frame: dict[str, Any] = json.loads(await self.connection.recv())
        return frame

    async def told(self) -> dict[str, Any]:
        """The next frame that is not a sign of life, which may come at any time."""
        while (frame := await self.receive()).get("event") == "heartbeat":
            pass
        return frame

    async def call(self, command: str, **data: Any) -> dict[str, Any]:
        """Send a command and return its reply; event frames that come before are kept."""
        ref = f"r{next(self._refs)}"
        await self.connection.send(json.dumps({"command": command, "ref": ref, "data": data}))
        while (frame := await self.receive()).get("ref") != ref:
            self.frames.append(frame)
        return frame

    async def next(self, run: str) -> Event:
        """The next event of a run."""
        while True:
            frame = self.frames.pop(0) if self.frames else await self.receive()
            if frame.get("run") == run:
                return Event(frame.get("id", ""), frame["event"], frame["data"])


@asynccontextmanager
async def socket(house: House, key: str | None = None) -> AsyncIterator[Socket]:
    """An open WebSocket of this key (the house's when None)."""
    headers = {"X-API-Key": house.key if key is None else key}
    url = house.url.replace("http", "ws", 1) + "/api/ws"
    subprotocols = [Subprotocol("oricode.v1")]
    async with connect(url, additional_headers=headers, subprotocols=subprotocols, close_timeout=1) as connection:
        opened = Socket(connection)
        first = await opened.receive()
        assert first["event"] == "connected"
        yield opened


class _OpenSocket(_OpenStream):
    def __init__(self, socket: Socket, run: str) -> None:
        super().__init__(self._read(socket, run))
        self._socket = socket

    async def _read(self, socket: Socket, run: str) -> AsyncIterator[Event]:
        while True:
            yield await socket.next(run)

    async def leave(self) -> None:
        await self._socket.connection.close()


class WebSocketWire(Wire):
    """``websockets``, commands as frames."""

    name = "websocket"

    @asynccontextmanager
    async def open(self, **body: Any) -> AsyncIterator[Open]:
        async with socket(self.house) as opened:
            reply = await opened.call("chat", **body)
            assert reply["ok"], reply
            assert not [frame for frame in opened.frames if "run" in frame], "an event came before the reply"
            yield await _OpenSocket(opened, reply["data"]["run_id"]).connected()

    async def refused(self, **body: Any) -> dict[str, Any]:
        reply = await self._call("chat", **body)
        assert "code" in reply, reply
        return reply

    async def cancel(self, run_id: str) -> None:
        reply = await self._call("cancel", run=run_id)
        assert reply["run_id"] == run_id

    async def tool_result(self, run_id: str, **data: Any) -> dict[str, Any]:
        return await self._call("tool_result", run=run_id, **data)

    async def approve(self, run_id: str, approval_id: str, decision: str) -> dict[str, Any]:
        return await self._call("approve", run=run_id, approval_id=approval_id, decision=decision)

    async def _call(self, command: str, **data: Any) -> dict[str, Any]:
        async with socket(self.house) as opened:
            reply = await opened.call(command, **data)
            answer: dict[str, Any] = reply["data"] if reply["ok"] else reply["error"]
            return answer


WIRES: dict[str, type[Wire]] = {"sse": SseWire, "websocket": WebSocketWire, "json": JsonWire}


async def log(house: House, run_id: str) -> list[Event]:
    """Everything stored of a run that ended, read over SSE."""
    async with asyncio.timeout(PATIENCE):
        async with aconnect_sse(house.http, "GET", f"/api/runs/{run_id}/events") as source:
            return [Event(s.id, s.event, json.loads(s.data)) async for s in source.aiter_sse() if s.id]
