"""The application of these tests: what each path does, and what it was told.

In: ASGI calls. Out: answers, and milestones (``App.until``) that tests wait for instead of sleeping.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

from oricode_service.transports.server import EXTENSION, Outlet, PeerGone

PIECE = b"x" * 16384


class App:
    """One scripted application; ``outlets`` are those of the requests it got, in order."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.told: list[Any] = []
        """What ended streams and sockets, in order: reasons and disconnect events."""
        self.outlets: list[Outlet] = []
        self.scopes: list[dict[str, Any]] = []
        self.proceed = asyncio.Event()
        """What ``/hold`` and ``/late`` wait for."""
        self._changed = asyncio.Event()

    def mark(self, name: str) -> None:
        """Reach a milestone."""
        self.counts[name] += 1
        self._changed.set()

    async def until(self, name: str, count: int = 1, seconds: float = 10) -> None:
        """Wait until milestone ``name`` was reached ``count`` times."""
        async with asyncio.timeout(seconds):
            while self.counts[name] < count:
                self._changed.clear()
                await self._changed.wait()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.scopes.append(scope)
        self.outlets.append(scope["extensions"][EXTENSION])
        name = scope["path"].strip("/") if scope["type"] == "http" else "ws_" + scope["path"].strip("/")
        self.mark("called")
        try:
            await getattr(self, name, self.echo)(scope, receive, send)
        finally:
            self.mark("returned")

    async def healthz(self, scope: Any, receive: Any, send: Any) -> None:
        await answer(send, b"ok")

    async def echo(self, scope: Any, receive: Any, send: Any) -> None:
        """Answers with the size of the body."""
        size, more = 0, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                self.told.append("http.disconnect")
                self.mark("told")
                return
            size += len(message["body"])
            more = message["more_body"]
        await answer(send, b"%d" % size)

    async def early(self, scope: Any, receive: Any, send: Any) -> None:
        """Answers without reading the body."""
        await answer(send, b"no")

    async def hold(self, scope: Any, receive: Any, send: Any) -> None:
        """A stream that says hello and then nothing, until its peer is gone."""
        await start(send)
        await send({"type": "http.response.body", "body": b"hello", "more_body": True})
        outlet = scope["extensions"][EXTENSION]
        gone = asyncio.Event()
        outlet.on_close(gone.set)
        self.mark("streaming")
        await gone.wait()
        self.told.append(outlet.reason)
        self.mark("told")

    async def flood(self, scope: Any, receive: Any, send: Any) -> None:
        """Writes as much as the peer takes, through the outlet."""
        await start(send)
        outlet = scope["extensions"][EXTENSION]
        try:
            while True:
                if outlet.write(PIECE):
                    await asyncio.sleep(0)
                else:
                    self.mark("full")
                    await outlet.drain()
        except PeerGone as gone:
            self.told.append(gone.reason)
            self.mark("told")
            raise

    async def flood_asgi(self, scope: Any, receive: Any, send: Any) -> None:
        """The same through ASGI's ``send``."""
        await start(send)
        try:
            while True:
                await send({"type": "http.response.body", "body": PIECE, "more_body": True})
                await asyncio.sleep(0)
        except OSError as gone:
            self.told.append(getattr(gone, "reason", None))
            self.mark("told")
            raise

    async def drip(self, scope: Any, receive: Any, send: Any) -> None:
        """A stream of small pieces, each after the one before was taken; ends after ``?n`` of them."""
        await start(send)
        outlet = scope["extensions"][EXTENSION]
        for number in range(int(scope["query_string"] or b"100000000")):
            if not outlet.write(b"%d\n" % number):
                await outlet.drain()
            await asyncio.sleep(0.001)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def finite(self, scope: Any, receive: Any, send: Any) -> None:
        """Two pieces, one through each way, and the end."""
        await start(send)
        await send({"type": "http.response.body", "body": b"one", "more_body": True})
        scope["extensions"][EXTENSION].write_all([b"two", b"three"])
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def ws_echo(self, scope: Any, receive: Any, send: Any) -> None:
        """Answers each message with its size, until told to stop."""
        await receive()
        await send({"type": "websocket.accept"})
        self.mark("accepted")
        while (message := await receive())["type"] == "websocket.receive":
            self.mark("message")
            data = message.get("bytes") or message["text"].encode()
            await send({"type": "websocket.send", "text": str(len(data))})
        self.told.append((message["code"], message.get("reason")))
        self.mark("told")

    async def ws_deaf(self, scope: Any, receive: Any, send: Any) -> None:
        """Accepts, and does not receive before it is let."""
        await receive()
        await send({"type": "websocket.accept"})
        self.mark("accepted")
        await self.proceed.wait()
        await self.ws_rest(receive)

    async def ws_flood(self, scope: Any, receive: Any, send: Any) -> None:
        """Writes as much as the peer takes."""
        await receive()
        await send({"type": "websocket.accept"})
        outlet = scope["extensions"][EXTENSION]
        try:
            while True:
                if outlet.write(PIECE):
                    await asyncio.sleep(0)
                else:
                    self.mark("full")
                    await outlet.drain()
        except PeerGone:
            await self.ws_rest(receive)

    async def ws_send(self, scope: Any, receive: Any, send: Any) -> None:
        """Messages of each frame size, through the outlet and through ASGI."""
        await receive()
        await send({"type": "websocket.accept"})
        outlet = scope["extensions"][EXTENSION]
        sizes = (0, 125, 126, 65535, 65536)
        outlet.write_all([b"o" * size for size in sizes])
        for size in sizes:
            await send({"type": "websocket.send", "text": "a" * size})
        await self.ws_rest(receive)

    async def ws_fail(self, scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        raise ValueError("a bug of the application")

    async def ws_rest(self, receive: Any) -> None:
        """Receive until the disconnect."""
        while (message := await receive())["type"] != "websocket.disconnect":
            pass
        self.told.append((message["code"], message.get("reason")))
        self.mark("told")


async def start(send: Any) -> None:
    headers = [(b"content-type", b"text/event-stream")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})


async def answer(send: Any, body: bytes) -> None:
    headers = [(b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
