"""Fixtures of the client tests: a scripted service, and a client that retries without making anybody wait."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from clients.real_service import RealService
from clients.scripted_service import ScriptedService
from oricode_client import OricodeClient, Pace

EAGER = Pace(base=0.001, cap=0.002, patience=2.0, start_patience=2.0)


@pytest.fixture
async def service() -> AsyncIterator[ScriptedService]:
    async with ScriptedService() as service:
        yield service


@pytest.fixture(params=["sse", "websocket"])
async def client(service: ScriptedService, request: pytest.FixtureRequest) -> AsyncIterator[OricodeClient]:
    """Once for each streaming transport."""
    async with OricodeClient(service.url, "key", transport=request.param, pace=EAGER) as client:
        yield client


@pytest.fixture
async def json_client(service: ScriptedService) -> AsyncIterator[OricodeClient]:
    async with OricodeClient(service.url, "key", transport="json", pace=EAGER) as client:
        yield client


@pytest.fixture
async def real_service(tmp_path: Path) -> AsyncIterator[RealService]:
    async with RealService(tmp_path, ORICODE_HEARTBEAT_SECONDS="1", ORICODE_MODEL="firehose") as service:
        yield service
