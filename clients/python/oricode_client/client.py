"""The client: one service, one key, any number of runs.

async with OricodeClient("https://oricode.example", key) as client:
    async with client.chat("Write a report that lists open orders") as run:
        async for event in run: ...
"""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote
from uuid import uuid4

from .pace import Pace
from .reader import Reader
from .run import Run
from .service import Service
from .tools import ClientTool
from .transports import Place, Transport, TransportName
from .transports.document import Json
from .transports.sse import Sse
from .transports.websocket import WebSocket
from .wire import JsonObject

_TRANSPORTS: dict[TransportName, type[Sse] | type[WebSocket] | type[Json]] = {
    "sse": Sse,
    "websocket": WebSocket,
    "json": Json,
}


class OricodeClient:
    """Talks to one service. Close it with :meth:`aclose` or use it as a context manager.

    ``url`` is the service's address, a path prefix included; ``verify`` as in httpx (False, or an ``ssl.SSLContext``
    with your company's certificates). ``silence`` overrides after how many seconds without a byte a connection counts
    as dead; by default the service's heartbeat tells.
    """

    def __init__(
        self,
        url: str,
        key: str,
        *,
        transport: TransportName = "sse",
        pace: Pace | None = None,
        silence: float | None = None,
        client_type: str = "python",
        verify: ssl.SSLContext | bool = True,
    ) -> None:
        self._service = Service(url, key, verify)
        self._transport: TransportName = transport
        self._pace = pace or Pace()
        self._silence = silence
        self._client_type = client_type

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close all connections; runs go on."""
        await self._service.close()

    # Runs.

    def chat(
        self,
        prompt: str | None = None,
        *,
        messages: Sequence[JsonObject] | None = None,
        chat_id: str | None = None,
        model: str | None = None,
        tools: Sequence[ClientTool | JsonObject] = (),
        approvals: bool = False,
        transport: TransportName | None = None,
        idempotency_key: str | None = None,
        **fields: Any,
    ) -> Run:
        """A run that starts when it is entered or iterated.

        ``tools`` are functions marked by :func:`~oricode_client.tools.tool`, answered here by themselves, or bare
        definitions that you answer with :meth:`Run.tool_result`. ``approvals=True`` promises that you answer
        ``ApprovalRequired``. ``fields`` are the request's other fields: ``max_tokens``, ``system``, ``thinking``,
        ``metadata``, ``if_busy``, ``on_disconnect``, ``batch_ms`` (PROTOCOL.md, section 2).
        """
        ours = [tool for tool in tools if isinstance(tool, ClientTool)]
        definitions = [tool.definition if isinstance(tool, ClientTool) else tool for tool in tools]
        request: JsonObject = {
            "prompt": prompt,
            "messages": list(messages) if messages else None,
            "chat_id": chat_id,
            "model": model,
            "tools": definitions or None,
            "approvals": approvals or None,
            "client_type": self._client_type,
            **fields,
        }
        request = {name: value for name, value in request.items() if value is not None}
        return self._run(Place(request, idempotency_key or uuid4().hex), ours, transport)

    def attach(
        self,
        run_id: str,
        *,
        after: str = "",
        tools: Sequence[ClientTool] = (),
        transport: TransportName | None = None,
    ) -> Run:
        """A run that somebody started, from its first event, or behind ``after`` (the fold then lacks what was before).

        ``tools`` answers calls that still wait; leave it out to only watch.
        """
        return self._run(Place({}, "", run_id, after), tools, transport)

    async def ask(self, prompt: str, **options: Any) -> str:
        """The answer's text, in one call; ``options`` as for :meth:`chat`. Raises when the run did not complete."""
        async with self.chat(prompt, **options) as run:
            return await run.result()

    def _run(self, place: Place, tools: Sequence[ClientTool], transport: TransportName | None) -> Run:
        name = transport or self._transport
        if name not in _TRANSPORTS:
            raise ValueError(f"transport must be one of {', '.join(_TRANSPORTS)}, not {name!r}")
        way: Transport = _TRANSPORTS[name](self._service)
        return Run(self._service, Reader(self._service, way, place, self._pace, self._silence), tools, self._pace)

    # What the service keeps; the answers are PROTOCOL.md's documents.

    async def run(self, run_id: str) -> JsonObject:
        """The run's document: status, text, usage, pending approvals and tool calls."""
        return await self._get(f"/api/runs/{quote(run_id)}")

    async def cancel(self, run_id: str) -> None:
        """End a run; harmless when it has ended."""
        await self._service.insist("POST", f"/api/runs/{quote(run_id)}/cancel")

    async def chats(self, limit: int = 30, before: str | None = None) -> JsonObject:
        """The user's chats, newest first: ``{chats, next?}``."""
        return await self._get(f"/api/chats?limit={limit}" + (f"&before={quote(before)}" if before else ""))

    async def messages(self, chat_id: str, limit: int = 30, after: str | None = None) -> JsonObject:
        """One chat with its messages, oldest first: ``{chat_id, title, messages, next?}``."""
        page = f"?limit={limit}" + (f"&after={quote(after)}" if after else "")
        return await self._get(f"/api/chats/{quote(chat_id)}{page}")

    async def rename_chat(self, chat_id: str, title: str) -> JsonObject:
        """Give a chat another title; the chat."""
        return await self._service.insist("PATCH", f"/api/chats/{quote(chat_id)}", {"title": title})

    async def delete_chat(self, chat_id: str) -> None:
        """Delete a chat; a live run of it is cancelled."""
        await self._service.call("DELETE", f"/api/chats/{quote(chat_id)}")

    async def models(self) -> JsonObject:
        """``{models, default}``."""
        return await self._get("/api/models")

    async def programs(self) -> JsonObject:
        """The stored programs: ``{programs}``."""
        return await self._get("/api/programs")

    async def program(self, name: str) -> JsonObject:
        """One stored program with its source."""
        return await self._get(f"/api/programs/{quote(name)}")

    async def _get(self, path: str) -> JsonObject:
        return await self._service.insist("GET", path)
