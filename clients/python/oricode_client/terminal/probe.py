"""Watches connections through a path and writes down when bytes came and when they stopped coming.

In: a client's service and seconds to watch. Out: :class:`~.diagnosis.Observed` for SSE, WebSocket and JSON. Uses two
runs of the service's load model: ``firehose:N@RATE`` says a numbered piece at a steady rate; at one in a quarter of
an hour it is a quiet run on which only heartbeats arrive. Both are cancelled and their chats deleted at the end.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from uuid import uuid4

from ..client import OricodeClient
from ..errors import ConnectionLost, OricodeClientError
from ..service import Service
from ..transports import AlreadyEnded, Connection, Place, Transport
from ..transports.document import Json
from ..transports.sse import Sse
from ..transports.websocket import WebSocket
from ..wire import Wire
from .diagnosis import Observed

_RATE = 5
_NUMBER = re.compile(r"delta (\d+)")
_PATHS: dict[str, Callable[[Service], Transport]] = {"SSE": Sse, "WebSocket": WebSocket, "JSON": Json}
_MOST_CUTS = 4
_START_SECONDS = 10.0


class Probe:
    """One examination of one path."""

    def __init__(self, client: OricodeClient, service: Service, seconds: float) -> None:
        self._client = client
        self._service = service
        self._seconds = seconds
        self.heartbeat = 15.0
        """The service's interval in seconds, by its own word."""
        self.observed: list[Observed] = []
        self._chats: dict[str, str] = {}
        self._busy_since = 0.0

    async def run(self) -> None:
        """Watch all paths at once for the given time. Raises what a first start was refused for."""
        busy = await self._start(f"firehose:{int(self._seconds * _RATE) + 1000}@{_RATE}")
        self._busy_since = asyncio.get_running_loop().time()
        quiet = await self._start("firehose:2@0.001")
        try:
            await self._watch_all(busy, quiet)
        finally:
            for place in (busy, quiet):
                await self._clean_up(place)

    async def _watch_all(self, busy: Place, quiet: Place) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                for path in _PATHS:
                    group.create_task(self._watch(path, quiet, busy=False))
                for path in ("SSE", "WebSocket"):
                    group.create_task(self._watch(path, busy, busy=True))
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None  # one says it all

    async def _start(self, model: str) -> Place:
        """A run that goes on without a viewer; started by whichever stream comes through first."""
        place = Place({"prompt": "oricode doctor", "model": model, "client_type": "doctor"}, uuid4().hex)
        try:
            return await self._started(Sse(self._service), place)
        except ConnectionLost:
            return await self._started(WebSocket(self._service), place)

    async def _started(self, transport: Transport, place: Place) -> Place:
        connection = await transport.open(place, _START_SECONDS)
        try:
            while wires := await connection.read(_START_SECONDS):
                for wire in wires:
                    if wire.event == "connected" and wire.data.get("run_id"):
                        self.heartbeat = (wire.data.get("heartbeat_ms") or 15_000) / 1000
                        self._chats[wire.data["run_id"]] = wire.data["chat_id"]
                        return replace(place, run_id=wire.data["run_id"])
            raise ConnectionLost("The stream ended before it began.")
        finally:
            await connection.close()

    def _due(self, wire: Wire) -> float | None:
        """When a numbered piece was said, by the loop's clock give or take a constant; None for anything else."""
        number = _NUMBER.match(wire.data["text"]) if wire.event == "content" else None
        return self._busy_since + int(number[1]) / _RATE if number else None

    async def _clean_up(self, place: Place) -> None:
        assert place.run_id is not None
        with suppress(OricodeClientError):  # the path may be gone; the run ends by itself
            await self._client.cancel(place.run_id)
            if chat := self._chats.get(place.run_id):
                await self._client.delete_chat(chat)

    async def _watch(self, path: str, place: Place, *, busy: bool) -> None:
        """Keep a connection open through ``path``; open it again when it is cut, a few times."""
        loop = asyncio.get_running_loop()
        until = loop.time() + self._seconds
        cuts = 0
        while loop.time() < until and cuts < _MOST_CUTS:
            seen = Observed(path, busy)
            # A JSON answer only exists for a start: the key finds the run that is already there.
            where = replace(place, run_id=None) if path == "JSON" else place
            self.observed.append(seen)
            await self._observe(_PATHS[path](self._service), where, seen, until)
            cuts += seen.cut

    async def _observe(self, transport: Transport, place: Place, seen: Observed, until: float) -> None:
        loop = asyncio.get_running_loop()
        opened = loop.time()
        connection: Connection | None = None
        try:
            async with asyncio.timeout_at(until):
                connection = await transport.open(place, self._seconds)
                while wires := await connection.read(self._seconds):
                    now = loop.time() - opened
                    seen.arrivals.append(now)
                    for wire in wires:
                        if (due := self._due(wire)) is not None and due > opened:  # else it is replayed
                            seen.lags.append(loop.time() - due)
                seen.cut = True
        except TimeoutError:
            pass  # the time is up: it held
        except AlreadyEnded:
            seen.cut = True
        except OricodeClientError as error:
            if not error.retryable:
                raise
            seen.cut = True  # the connection broke, or a proxy answered for the service: 502, 504
        finally:
            seen.age = loop.time() - opened
            if connection is not None:
                await connection.close()
