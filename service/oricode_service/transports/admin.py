"""What the operator reads: ``/metrics`` and ``GET /api/admin/overview``.

In: functions that know the numbers. Out: the Prometheus text format, and JSON for the dashboard. An administrator's key
opens both; ``/metrics`` also answers without one when the service listens on loopback and nothing says that the request
came through a proxy.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from oricode_protocol.errors import error
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ..access.origins import is_loopback
from .api import answer
from .requests import Gate

_FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "via")
MOST_DAYS = 90
DEFAULT_DAYS = 7

Overview = Callable[[int], Awaitable[dict[str, Any]]]
"""The dashboard's numbers of the last so many days."""


class Admin:
    """The handlers; :meth:`routes` mounts them."""

    def __init__(
        self, gate: Gate, *, metrics: Callable[[], bytes], content_type: str, overview: Overview, on_loopback: bool
    ) -> None:
        self._gate = gate
        self._metrics = metrics
        self._content_type = content_type
        self._overview = overview
        self._on_loopback = on_loopback
        self._one_at_a_time = asyncio.Lock()

    def routes(self) -> list[Route]:
        """All of them."""
        return [
            Route("/metrics", self.metrics, methods=["GET"]),
            Route("/api/admin/overview", self.overview, methods=["GET"]),
        ]

    async def metrics(self, request: Request) -> Response:
        if not (self._on_loopback and _from_this_machine(request)):
            await self._administrator(request)
        return Response(self._metrics(), 200, {"Cache-Control": "no-store", "Content-Type": self._content_type})

    async def overview(self, request: Request) -> Response:
        await self._administrator(request)
        days = request.query_params.get("days", str(DEFAULT_DAYS))
        if not days.isascii() or not days.isdigit() or not 1 <= int(days[:4]) <= MOST_DAYS:
            raise error("invalid_request", f"`days` must be an integer from 1 to {MOST_DAYS}.")
        async with self._one_at_a_time:
            return answer(await self._overview(int(days)))

    async def _administrator(self, request: Request) -> None:
        caller = await self._gate.caller(request.scope)
        if not caller.admin:
            raise error("forbidden", "This needs an administrator's key: `oricode keys create --admin`.")


def _from_this_machine(request: Request) -> bool:
    client = request.client
    return client is not None and is_loopback(client.host) and not any(name in request.headers for name in _FORWARDED)
