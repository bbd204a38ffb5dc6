"""The real service as ``oricode serve`` runs it, with a scripted Anthropic server behind ``ANTHROPIC_BASE_URL``.

Two users live in it. A test takes a model name of its own (:meth:`House.model`), so that what it scripts is nobody
else's business.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
from clients.real_service import ORICODE, RealService
from upstream import Request, Upstream
from upstream.server import Script

HEARTBEAT = 0.25
"""Seconds; short, so that a test sees one."""
DEFAULT_MODEL = "claude-sonnet-5-5"
MAX_BODY = 64 * 1024
SETTINGS = {
    "ORICODE_MODEL": DEFAULT_MODEL,
    "ORICODE_HEARTBEAT_SECONDS": str(HEARTBEAT),
    "ORICODE_APPROVALS": "mcp_check_syntax=ask",
    "ORICODE_MAX_CONCURRENT_RUNS": "0",
    "ORICODE_MAX_BODY_BYTES": str(MAX_BODY),
    "ORICODE_MAX_FRAMES_PER_SECOND": "100000",
    "ANTHROPIC_API_KEY": "sk-test",
}


class House:
    """``async with House(folder) as house``."""

    def __init__(self, folder: Path, *, sabotage: str | None = None, **settings: str) -> None:
        self._folder = folder
        self._sabotage = sabotage
        self._settings = settings
        self._stack = AsyncExitStack()
        self._numbers = count(1)
        self.upstream = Upstream()
        self.url = ""
        self.key = ""
        self.other_key = ""
        """Of another user, who may see nothing of the first one."""
        self.http: httpx.AsyncClient

    async def __aenter__(self) -> Self:
        await self._stack.enter_async_context(self.upstream)
        settings = SETTINGS | {"ANTHROPIC_BASE_URL": self.upstream.url} | self._settings
        self.service = await self._stack.enter_async_context(
            RealService(self._folder, sabotage=self._sabotage, **settings)
        )
        self.url, self.key = self.service.url, self.service.key
        self.other_key = await self.make_key("other")
        self.http = await self._stack.enter_async_context(self.client(self.key))
        async with asyncio.timeout(60):  # the first start asks the SDK, which would be part of what a test times
            while (await self.http.get("/readyz")).status_code != 200:
                await asyncio.sleep(0.05)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    def client(self, key: str) -> httpx.AsyncClient:
        """An HTTP client with this key; close it."""
        limits = httpx.Limits(max_connections=200)
        return httpx.AsyncClient(base_url=self.url, headers={"X-API-Key": key}, timeout=20, limits=limits)

    async def make_key(self, user: str) -> str:
        """A key of ``user``, made beside the running service as an operator would."""
        process = await asyncio.create_subprocess_exec(
            ORICODE, "keys", "create", "--user", user, "--data-dir", str(self._folder), stdout=asyncio.subprocess.PIPE
        )
        async with asyncio.timeout(30):
            out, _ = await process.communicate()
        return out.decode().strip()

    def model(self, *turns: Script) -> Scripted:
        """A model that plays these answers, one a request; a further request fails the test by its answer."""
        return Scripted(self.upstream, f"claude-test-{next(self._numbers)}", turns)


class Scripted:
    """A model of one test."""

    def __init__(self, upstream: Upstream, name: str, turns: tuple[Script, ...]) -> None:
        self.name = name
        self._upstream = upstream
        self._turns: Iterator[Script] = iter(turns)
        upstream.script(name, self._next)

    def _next(self, _: Request) -> Script:
        return next(self._turns)

    @property
    def requests(self) -> list[dict[str, Any]]:
        """The bodies it was asked with."""
        return [r.body for r in self._upstream.requests if r.body.get("model") == self.name]

    async def until_asked(self, times: int = 1) -> None:
        """It was called ``times`` times."""
        await self._upstream._until(lambda: len(self.requests) >= times)

    async def until_closed(self, times: int = 1) -> None:
        """The service hung up on it in the middle."""
        await self._upstream._until(
            lambda: sum(r.abandoned for r in self._upstream.requests if r.body.get("model") == self.name) >= times
        )
