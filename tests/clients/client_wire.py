"""Our own client as one more way into the house, so that the conformance tests hold for it too."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Any

from conformance.wires import Event, Open, Wire, _OpenStream
from oricode_client import OricodeClient, Run, errors
from oricode_client.transports import TransportName


class ClientWire(Wire):
    """``oricode_client`` over a streaming transport."""

    transport: TransportName

    def client(self) -> OricodeClient:
        return OricodeClient(self.house.url, self.house.key, transport=self.transport)

    @asynccontextmanager
    async def open(self, **body: Any) -> AsyncIterator[Open]:
        tools = body.pop("tools", ())
        async with self.client() as client, client.chat(tools=tools, **body) as run:
            yield await _OpenRun(run).connected()

    async def refused(self, **body: Any) -> dict[str, Any]:
        async with self.client() as client:
            return await problem(client.chat(**body).start())

    async def cancel(self, run_id: str) -> None:
        async with self.client() as client:
            await client.cancel(run_id)

    async def tool_result(self, run_id: str, **data: Any) -> dict[str, Any]:
        async with self.client() as client:
            return await problem(client.attach(run_id).tool_result(**data))

    async def approve(self, run_id: str, approval_id: str, decision: str) -> dict[str, Any]:
        async with self.client() as client:
            return await problem(client.attach(run_id).approve(approval_id, decision))  # type: ignore[arg-type]


class ClientSse(ClientWire):
    name = "client-sse"
    transport = "sse"


class ClientWebSocket(ClientWire):
    name = "client-websocket"
    transport = "websocket"


CLIENT_WIRES: dict[str, type[Wire]] = {wire.name: wire for wire in (ClientSse, ClientWebSocket)}


class _OpenRun(_OpenStream):
    def __init__(self, run: Run) -> None:
        super().__init__(self._events(run))
        self._run = run

    async def _events(self, run: Run) -> AsyncIterator[Event]:
        async for wire in run.wires():
            assert wire.event != "reconnecting", wire.data
            yield Event(wire.id, wire.event, wire.data)

    async def leave(self) -> None:
        await self._run.aclose()


async def problem(work: Awaitable[Any]) -> dict[str, Any]:
    """What the client raised, as the problem it was made from; empty when it raised nothing."""
    try:
        await work
    except errors.OricodeClientError as error:
        return {"code": error.code, "status": error.status, "retryable": error.retryable, "detail": error.sentence}
    return {}
