"""The stand-in's catalogue does what its page says, as the provider sees it."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from oricode_service.models.anthropic import AnthropicProvider
from oricode_service.models.port import Draft, Signature, Stop, Text
from upstream import Upstream
from upstream.catalogue import ODD, Catalogue

from .conftest import a_call, read, read_failing


@pytest.fixture
async def listed() -> AsyncIterator[AnthropicProvider]:
    upstream = Upstream()
    upstream.otherwise = Catalogue()
    async with upstream:
        provider = AnthropicProvider(api_key="k", base_url=upstream.url, read_timeout=0.2)
        yield provider
        await provider.close()


def said(deltas) -> str:
    return "".join(delta.text for delta in deltas if isinstance(delta, Text))


@pytest.mark.parametrize(
    ("model", "answer"),
    [
        ("claude-text-3", "delta 00000delta 00001delta 00002"),
        ("text-1", "delta 00000"),
        ("odd", ODD),
        ("claude-sonnet-5-5", "Hello from upstream."),
        ("anything", "Hello from upstream."),
    ],
)
async def test_answers(listed: AnthropicProvider, model: str, answer: str):
    assert said(await read(listed, a_call(model=model))) == answer


async def test_a_paced_answer_carries_its_send_times(listed: AnthropicProvider):
    times = [float(word) for word in said(await read(listed, a_call(model="paced-3-1"))).split()]
    assert len(times) == 3
    assert times == sorted(times)


async def test_reasoning_is_signed(listed: AnthropicProvider):
    assert any(isinstance(delta, Signature) for delta in await read(listed, a_call(model="think")))


@pytest.mark.parametrize(
    ("model", "code", "said_before"),
    [
        ("drop-2", "upstream_dropped", True),
        ("rst-2", "upstream_dropped", False),  # a reset may overtake what was written
        ("eof-2", "upstream_dropped", True),
        ("stall-2", "upstream_timeout", True),
        ("error-2", "upstream_overloaded", True),
        ("status-529", "upstream_overloaded", False),
        ("status-400", "upstream_rejected", False),
    ],
)
async def test_failures(listed: AnthropicProvider, model: str, code: str, said_before: bool):
    deltas, failure = await read_failing(listed, a_call(model=model))
    assert failure.code == code
    if said_before:
        assert said(deltas) == "delta 00000 delta 00001 "


async def test_once_fails_once(listed: AnthropicProvider):
    call = a_call(model="once-drop-1")
    assert (await read_failing(listed, call))[1].code == "upstream_dropped"
    assert said(await read(listed, call)) == "Hello again."


async def test_a_deployment_goes_step_by_step_with_the_tool_results(listed: AnthropicProvider):
    messages: list[dict] = [{"role": "user", "content": "Deploy it"}]
    names = []
    while True:
        draft = Draft()
        deltas = await read(listed, a_call(model="claude-deploy-3", messages=messages))
        for delta in deltas:
            draft.add(delta)
        tools = [
            {**block, "input": json.loads(text)} for _, block, text in draft.blocks() if block["type"] == "tool_use"
        ]
        if not tools:
            break
        names += [tool["name"] for tool in tools]
        messages.append({"role": "assistant", "content": tools})
        results = [{"type": "tool_result", "tool_use_id": tool["id"], "content": "ok"} for tool in tools]
        messages.append({"role": "user", "content": results})
    assert names == ["mcp_store_code_chunk"] * 3 + ["mcp_check_syntax", "mcp_deploy_stored_code"]
    assert deltas[-1] == Stop("end_turn", "claude-scripted")


async def test_it_runs_as_a_process_of_its_own():
    folder = Path(__file__).parent.parent
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "upstream", cwd=folder, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(20):
            url = (await process.stdout.readline()).decode().strip()
        provider = AnthropicProvider(api_key="k", base_url=url)
        assert said(await read(provider, a_call(model="claude-text-2"))) == "delta 00000delta 00001"
        await provider.close()
    finally:
        process.kill()
        await process.wait()
