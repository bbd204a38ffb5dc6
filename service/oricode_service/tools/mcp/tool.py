"""One tool of an MCP server, as the engine sees it.

In: a call. Out: the server's progress notifications as steps, then its answer. A call lives as long as it shows
progress, up to a hard cap; cancelling it tells the server. When the connection breaks in the middle, an effect is
``unknown``: nobody can be asked.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import AsyncGenerator
from typing import Any, Final, Literal, cast

import mcp.types as sdk
from mcp import Client, InputRequiredRoundsExceededError, MCPError

from ..port import Call, Effect, Outcome, Step
from .connection import Connection
from .results import text_of

IDEMPOTENCY_KEY = "oricode/tool-call-id"
"""Key in the call's ``_meta``; a server that keeps effects apart by it can do each once."""
_KEPT_STEPS = 256
_LONGEST_DESCRIPTION = 8_000


class McpTool:
    """``idle_limit``: seconds without progress after which a call is given up; ``hard_cap``: seconds in all."""

    runs: Final[Literal["mcp"]] = "mcp"

    def __init__(
        self, connection: Connection, listed: sdk.Tool, name: str, *, idle_limit: float, hard_cap: float
    ) -> None:
        self._connection = connection
        self._listed = listed
        self._idle_limit = idle_limit
        self.name: Final = name
        self.time_limit: Final = hard_cap
        self.effect: Final = effect_of(listed.annotations)

    @property
    def description(self) -> str:
        return (self._listed.description or self._listed.title or self._listed.name)[:_LONGEST_DESCRIPTION]

    @property
    def input_schema(self) -> dict[str, Any]:
        return self._listed.input_schema

    async def run(self, call: Call) -> AsyncGenerator[Step | Outcome, None]:
        connection = self._connection
        client = connection.client
        if client is None:
            reason = connection.reason
            yield Outcome(f"The MCP server {connection.server.name} is not connected: {reason}. Try later.", "error")
            return
        heard = _Progress(self.name)
        calling = asyncio.create_task(self._call(client, call, heard))
        calling.add_done_callback(lambda _: heard.wake.set())
        try:
            while not calling.done():
                async with asyncio.timeout(self._idle_limit):
                    await heard.wake.wait()
                for step in heard.take():
                    yield step
            for step in heard.take():
                yield step
            yield calling.result()
        except TimeoutError:
            reason = f"{self.name} showed no progress for {self._idle_limit:g} seconds and was cancelled"
            yield self._broken(reason)
        finally:
            calling.cancel()
            await asyncio.wait([calling])

    async def reconcile(self, call: Call) -> Outcome | None:
        return None

    async def _call(self, client: Client, call: Call, heard: _Progress) -> Outcome:
        server = self._connection.server.name
        try:
            result = await client.call_tool(
                self._listed.name,
                call.input,
                progress_callback=heard,
                meta=cast("sdk.RequestParamsMeta", {IDEMPOTENCY_KEY: call.tool_call_id}),
            )
        except MCPError as error:
            if error.code in (sdk.CONNECTION_CLOSED, sdk.REQUEST_TIMEOUT):
                self._connection.look()
                return self._broken(f"the connection to the MCP server {server} broke")
            return Outcome(f"The MCP server {server} refused: {error.message}", "error")
        except InputRequiredRoundsExceededError:
            return Outcome(f"The MCP server {server} asks for input that nobody here can give.", "error")
        except TimeoutError:
            return self._broken(f"the MCP server {server} does not take the call")
        except ValueError as error:  # pydantic's ValidationError too
            return self._broken(f"the answer of the MCP server {server} is not understood ({type(error).__name__})")
        return Outcome(text_of(result), "error" if result.is_error else "ok")

    def _broken(self, reason: str) -> Outcome:
        if self.effect is Effect.EFFECT:
            sentence = f"{reason}; whether it took effect cannot be told. Look before calling it again."
            return Outcome(sentence, "unknown", summary=f"{self.name}: outcome unknown")
        return Outcome(f"{reason}. It may be called again.", "error")


class _Progress:
    """The progress callback. A consumer that is slower than the server misses the oldest steps, never the newest."""

    def __init__(self, name: str) -> None:
        self.wake = asyncio.Event()
        self._name = name
        self._steps: deque[Step] = deque(maxlen=_KEPT_STEPS)

    async def __call__(self, progress: float, total: float | None, message: str | None) -> None:
        self._steps.append(Step(message or self._name, "mcp", current=_finite(progress), total=_finite(total)))
        self.wake.set()

    def take(self) -> list[Step]:
        self.wake.clear()
        steps = list(self._steps)
        self._steps.clear()
        return steps


def _finite(number: float | None) -> float | None:
    return number if number is not None and math.isfinite(number) else None


def effect_of(annotations: sdk.ToolAnnotations | None) -> Effect:
    """What the server says of its tool; silence means the worst."""
    if annotations is not None and annotations.read_only_hint:
        return Effect.PURE
    if annotations is not None and annotations.idempotent_hint:
        return Effect.IDEMPOTENT
    return Effect.EFFECT
