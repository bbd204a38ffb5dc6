"""Calls a tool to its end. In: the tool and an input. Out: its steps and its outcome; never waits for ever."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from typing import Any

from oricode_service.tools.port import Call, Outcome, Step, Tool

PATIENCE = 30.0


def call_of(input_: dict[str, Any], *, key: str = "toolu_1", user: str = "anna", chat: str = "chat-1") -> Call:
    return Call(tool_call_id=key, user=user, run_id="run-1", chat_id=chat, input=input_)


async def play(said: AsyncGenerator[Step | Outcome, None]) -> tuple[list[Step], Outcome]:
    """All steps and the one outcome, which is the last thing said."""
    async with asyncio.timeout(PATIENCE), contextlib.aclosing(said):
        everything = [item async for item in said]
    steps = [item for item in everything[:-1] if isinstance(item, Step)]
    assert len(steps) == len(everything) - 1, f"an outcome before the end: {everything}"
    last = everything[-1]
    assert isinstance(last, Outcome)
    return steps, last


async def run(tool: Tool, input_: dict[str, Any], **of_call: str) -> tuple[list[Step], Outcome]:
    return await play(tool.run(call_of(input_, **of_call)))


async def result(tool: Tool, input_: dict[str, Any], **of_call: str) -> Outcome:
    return (await run(tool, input_, **of_call))[1]
