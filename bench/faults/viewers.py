"""Viewers that change transport at every reconnect: SSE four ways, WebSocket, and JSON with its idempotency key.

In: where to connect (any of several ports, drawn anew for each connection) and a request. Out: a :class:`Sight`. A
viewer keeps the last id it saw and never anything else; it starts its run with an idempotency key and sends the start
again until it is accepted.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import websockets

from .observer import Sight
from .wire import Broken, Message, Parser, request

SILENCE = 3.5
"""Seconds without a byte after which a connection is dead; heartbeats come every second."""
ENOUGH = 120.0
"""Seconds after which a run that did not end counts as hanging."""
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})


@dataclass
class Watch:
    """What all viewers of one run share."""

    body: dict[str, Any]
    idempotency_key: str
    api_key: str
    ports: list[int]
    rng: random.Random
    run_id: asyncio.Future[str] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    on_event: Callable[[str, float, float], None] = lambda viewer, opened, now: None
    """Told of each durable event: viewer, when its connection was opened, now."""
    limit: float = ENOUGH

    def named(self, run_id: str | None) -> None:
        if run_id and not self.run_id.done():
            self.run_id.set_result(run_id)


class HoppingViewer:
    """Watches one run; ``starts`` it or waits until somebody did."""

    PASSING = _PASSING
    """Statuses that a fault explains."""
    SILENCE = SILENCE
    WAYS = ("sse-header", "sse-query", "sse-post", "websocket")

    def __init__(self, name: str, watch: Watch, *, starts: bool, ways: tuple[str, ...] = WAYS) -> None:
        self.sight = Sight(name)
        self._watch = watch
        self._starts = starts
        self._ways = ways
        self._cursor = ""
        self._pause = 0.0
        self._opened = 0.0

    async def run(self) -> Sight:
        watch, sight = self._watch, self.sight
        try:
            async with asyncio.timeout(watch.limit):
                if not self._starts:
                    await asyncio.shield(watch.run_id)
                while not sight.ended and not sight.problem:
                    with contextlib.suppress(Broken):
                        await self._connect()
                    if not sight.ended:
                        sight.resumes += bool(self._cursor)
                        await asyncio.sleep(self._pause or watch.rng.uniform(0.02, 0.25))
                        self._pause = 0.0
        except TimeoutError:
            pass
        return sight

    async def _connect(self) -> None:
        way = self._watch.rng.choice(self._ways)
        port = self._watch.rng.choice(self._watch.ports)
        self._opened = time.monotonic()
        if way == "websocket":
            await self._websocket(port)
        else:
            await self._sse(way, port)

    async def _sse(self, way: str, port: int) -> None:
        watch = self._watch
        headers = {"X-API-Key": watch.api_key}
        body = None
        if not watch.run_id.done() or (way == "sse-post" and self._starts):
            method, path, body = "POST", "/api/chat", {**watch.body, "stream": True}
            headers["Idempotency-Key"] = watch.idempotency_key
            if self._cursor:
                headers["Last-Event-ID"] = self._cursor
        else:
            method, path = "GET", f"/api/runs/{watch.run_id.result()}/events"
            if way == "sse-query":
                path += f"?after={self._cursor}" if self._cursor else ""
            elif self._cursor:
                headers["Last-Event-ID"] = self._cursor
        async with request(port, method, path, headers, body, silence=self.SILENCE) as answer:
            if answer.status == 200 and answer.headers.get("content-type", "").startswith("text/event-stream"):
                parser = Parser()
                async for data in answer.body():
                    for message in parser.feed(data):
                        self._take(message)
            elif answer.status == 204 and self._cursor:
                self.sight.ended = True
            elif answer.status not in self.PASSING:
                self.sight.problem = f"{method} {path} -> {answer.status} {(await answer.whole())[:200]!r}"

    async def _websocket(self, port: int) -> None:
        watch = self._watch
        try:
            async with (
                asyncio.timeout(None) as limit,
                websockets.connect(
                    f"ws://127.0.0.1:{port}/api/ws",
                    subprotocols=[websockets.Subprotocol("oricode.v1")],
                    additional_headers={"X-API-Key": watch.api_key},
                    open_timeout=self.SILENCE,
                    close_timeout=0.2,
                    ping_interval=None,
                    compression=None,
                    proxy=None,
                ) as socket,
            ):
                loop = asyncio.get_running_loop()
                if watch.run_id.done():
                    command = {"command": "attach", "data": {"run": watch.run_id.result()}}
                    if self._cursor:
                        command["data"]["after"] = self._cursor  # type: ignore[index]
                else:
                    data = {**watch.body, "idempotency_key": watch.idempotency_key}
                    command = {"command": "chat", "data": data}
                await socket.send(json.dumps({**command, "ref": 1}))
                while not self.sight.ended:
                    limit.reschedule(loop.time() + self.SILENCE)
                    frame = json.loads(await socket.recv())
                    if "ref" in frame:
                        if not self._reply(frame):
                            return
                        continue
                    self._take(Message(frame.get("id", ""), frame["event"], frame["data"]))
                    if frame["event"] == "reconnect":
                        return
        except (OSError, TimeoutError, websockets.exceptions.WebSocketException) as error:
            if isinstance(error, websockets.exceptions.InvalidStatus):
                status = error.response.status_code
                if status not in self.PASSING:
                    self.sight.problem = f"WebSocket -> {status}"
            raise Broken(type(error).__name__) from None

    def _reply(self, frame: dict[str, Any]) -> bool:
        """True when events will follow."""
        if frame["ok"]:
            self._watch.named(frame["data"].get("run_id"))
            self.sight.ended = bool(frame["data"].get("ended"))
            return not self.sight.ended
        if not frame["error"]["retryable"]:
            self.sight.problem = f"WebSocket command -> {frame['error']}"
        return False

    def _take(self, message: Message) -> None:
        sight = self.sight
        if message.event == "connected":
            self._watch.named(message.data.get("run_id"))
            if message.data.get("resume") == "gap":
                sight.gaps += 1
        elif message.event == "reconnect":
            self._pause = message.data["after_ms"] / 1000
        if message.id:
            self._cursor = message.id
            sight.messages.append(message)
            sight.ended = sight.ended or message.event == "done"
            self._watch.on_event(sight.name, self._opened, time.monotonic())


class DocumentViewer:
    """An old client: POSTs for one JSON answer, and sends the same POST again when the connection breaks."""

    def __init__(self, name: str, watch: Watch) -> None:
        self.sight = Sight(name)
        self._watch = watch

    async def run(self) -> Sight:
        watch, sight = self._watch, self.sight
        headers = {"X-API-Key": watch.api_key, "Idempotency-Key": watch.idempotency_key}
        try:
            async with asyncio.timeout(watch.limit):
                while not sight.ended and not sight.problem:
                    port = watch.rng.choice(watch.ports)
                    with contextlib.suppress(Broken):
                        async with request(port, "POST", "/api/chat", headers, watch.body, silence=SILENCE) as answer:
                            self._take(answer.status, await answer.whole())
                    if not sight.ended:
                        sight.resumes += 1
                        await asyncio.sleep(watch.rng.uniform(0.02, 0.25))
        except TimeoutError:
            pass
        return sight

    def _take(self, status: int, body: bytes) -> None:
        if status == 200:
            if not body.strip():
                return
            try:
                document = json.loads(body)
            except ValueError:
                return  # the service died while it waited: white space without a document
            if document.get("code") == "restarting" or document.get("status") in (None, "running"):
                return  # the service stopped meanwhile: the same request brings the rest (PROTOCOL.md)
            self._watch.named(document["run_id"])
            self.sight.document = document
            self.sight.ended = True
        elif status not in _PASSING:
            self.sight.problem = f"POST /api/chat -> {status} {body[:200]!r}"
