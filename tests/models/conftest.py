"""Fixtures of the model tests: a scripted upstream, a provider pointed at it, and how a call is read to its end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Any

import oricode_service.models.anthropic_sdk  # noqa: F401 - so that the SDK is asked in this process; test_heads asks a child
import pytest
from oricode_service.models.anthropic import AnthropicProvider
from oricode_service.models.port import Delta, ModelCall, Pieces, Provider, UpstreamFailure
from upstream import Upstream


def a_call(prompt: str = "Hello?", model: str = "claude-sonnet-5-5", **fields: Any) -> ModelCall:
    """A call with one user message; any field of :class:`ModelCall` can be given."""
    given = {"messages": [{"role": "user", "content": prompt}], "system": [], "tools": [], "max_tokens": 64, **fields}
    return ModelCall(model=model, **given)


def one_by_one(deltas: Iterable[Delta]) -> list[Delta]:
    """However they were put together: one object a delta."""
    return [one for delta in deltas for one in (delta.deltas() if isinstance(delta, Pieces) else [delta])]


async def read(provider: Provider, call: ModelCall) -> list[Delta]:
    """All deltas of a call that succeeds."""
    async with asyncio.timeout(10):
        return one_by_one([delta async for deltas in provider.stream(call) for delta in deltas])


async def read_failing(provider: Provider, call: ModelCall) -> tuple[list[Delta], UpstreamFailure]:
    """The deltas before the failure, and the failure, of a call that fails."""
    seen: list[Delta] = []
    async with asyncio.timeout(10):
        try:
            async for deltas in provider.stream(call):
                assert deltas, "an empty list costs a wake-up for nothing"
                seen += one_by_one(deltas)
        except UpstreamFailure as failure:
            return seen, failure
    raise AssertionError("the call should have failed")


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    async with Upstream() as server:
        yield server


@pytest.fixture
async def provider(upstream: Upstream) -> AsyncIterator[AnthropicProvider]:
    anthropic = AnthropicProvider(api_key="sk-test-key", base_url=upstream.url)
    yield anthropic
    await anthropic.close()
