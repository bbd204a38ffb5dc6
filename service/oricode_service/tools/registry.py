"""All tools of the service, and the one place where a tool's call is guarded.

In: the built-in tools, a live source of MCP tools, and calls by name. Out: the definitions for the model, and for every
call steps and exactly one outcome, whatever the tool does: inputs are validated first, time is limited, sizes are
capped, and a bug is an outcome and a log line. Client tools are not held here; their definitions are checked here, so
that none takes a server tool's name.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any
from weakref import WeakKeyDictionary

from .inputs import BadSchema, InputCheck
from .port import ActsOnState, Announcing, Call, Effect, Outcome, Step, Subject, Tool

log = logging.getLogger(__name__)

RESULT_LIMIT = 100_000
"""Bytes of UTF-8 of an outcome's content."""
_SUMMARY_LIMIT = 300
_STEP_LIMIT = 500
_RECONCILE_LIMIT = 60.0
_TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")


async def _at_once() -> None:
    """Nothing has to come up first."""


class Registry:
    """``live`` is asked anew each time; ``reserved`` are beginnings of names that client tools may not have.

    Raises ValueError when two built-in tools have one name, or one has a name or a schema that no model takes.
    """

    def __init__(
        self,
        tools: Iterable[Tool],
        live: Callable[[], Iterable[Tool]] = lambda: (),
        *,
        reserved: Sequence[str] = (),
        settled: Callable[[], Awaitable[None]] = _at_once,
        result_limit: int = RESULT_LIMIT,
    ) -> None:
        """``live``: tools that come and go; ``settled`` returns when those of a service just started have come."""
        self._settled = settled
        self._checks: WeakKeyDictionary[Tool, InputCheck] = WeakKeyDictionary()
        self._live = live
        self._reserved = tuple(reserved)
        self._result_limit = result_limit
        self._built_in: dict[str, Tool] = {}
        for tool in tools:
            if tool.name in self._built_in or not _TOOL_NAME.fullmatch(tool.name):
                raise ValueError(f"{tool.name!r} is no name for a tool, or there are two of it")
            self._checks[tool] = InputCheck(tool.input_schema)
            self._built_in[tool.name] = tool

    async def settled(self) -> None:
        """Return when the tools of a service that has just started are there, or have had their time."""
        await self._settled()

    def tools(self) -> dict[str, Tool]:
        """What can be called now: built-in tools first, each group in its own lasting order."""
        found = dict(self._built_in)
        for tool in self._live():
            found.setdefault(tool.name, tool)
        return found

    def get(self, name: str) -> Tool | None:
        """The tool of that name; None when there is none, or none at the moment."""
        return self.tools().get(name)

    def definitions(self) -> list[dict[str, Any]]:
        """As the Messages API takes them. Their order is stable and the last one has a ``cache_control`` mark: they are
        the beginning of every prompt, the same for all client types."""
        found: list[dict[str, Any]] = [
            {"name": tool.name, "description": tool.description, "input_schema": tool.input_schema}
            for tool in self.tools().values()
        ]
        if found:
            found[-1]["cache_control"] = {"type": "ephemeral"}
        return found

    def refuse_client_tools(self, definitions: Sequence[dict[str, Any]]) -> str | None:
        """Why these definitions from a request cannot be offered to the model; None when they can."""
        seen: set[str] = set()
        for definition in definitions:
            name = definition.get("name")
            if not isinstance(name, str) or not _TOOL_NAME.fullmatch(name):
                return f"{name!r} is not a tool name: 1 to 128 letters, digits, _ or -"
            if name in seen:
                return f"there are two tools {name}"
            if name in self._built_in or name.startswith(self._reserved) or self.get(name) is not None:
                return f"{name} is the name of a tool of the service"
            seen.add(name)
            try:
                InputCheck(definition.get("input_schema") or {})
            except BadSchema as bad:
                return f"{name}: {bad}"
        return None

    async def subject(self, call: Call, name: str) -> Subject | None:
        """What a call would act on now; None when its input says all, or does not fit and will be refused."""
        tool = self.get(name)
        if not isinstance(tool, ActsOnState) or self._check(tool).complaint(call.input):
            return None
        return await tool.subject(call)

    async def start(self, call: Call, name: str) -> AsyncGenerator[Step | Outcome, None]:
        """Run tool ``name``: any number of steps, then exactly one outcome. Raises only a cancellation.

        Closing it, or cancelling the task that iterates it, cancels the tool.
        """
        tool = self.get(name)
        if tool is None:
            yield Outcome(f"There is no tool {name} at the moment.", "error")
            return
        if complaint := self._check(tool).complaint(call.input):
            if isinstance(tool, Announcing) and (step := tool.announcement(call.input)) is not None:
                yield step
            yield Outcome(f"The input does not fit: {complaint}.", "error", summary="input does not fit the schema")
            return
        async with contextlib.aclosing(self._guarded(tool, call)) as saying:
            async for item in saying:
                yield self._capped(item)
                if isinstance(item, Outcome):
                    return

    async def _guarded(self, tool: Tool, call: Call) -> AsyncGenerator[Step | Outcome, None]:
        now = asyncio.get_running_loop().time
        until = now() + tool.time_limit
        try:
            async with contextlib.aclosing(tool.run(call)) as doing:
                while True:
                    async with asyncio.timeout_at(until):
                        item = await anext(doing)
                    yield item
        except TimeoutError as late:
            if now() < until:  # not our limit but the tool's own, let slip
                yield await self._bug(tool, call, late)
            else:
                yield await self._unfinished(tool, call, f"it did not finish within {tool.time_limit:g} seconds")
        except Exception as bug:  # noqa: BLE001 - the one place where a tool's bug becomes an outcome
            yield await self._bug(tool, call, bug)

    async def _bug(self, tool: Tool, call: Call, bug: Exception) -> Outcome:
        log.error("tool %s failed in run %s, call %s", tool.name, call.run_id, call.tool_call_id, exc_info=bug)
        return await self._unfinished(tool, call, "it failed by an error of the service, which has been logged")

    async def _unfinished(self, tool: Tool, call: Call, why: str) -> Outcome:
        """An effect that stopped half-way is asked of its target; the others may simply be called again."""
        if tool.effect is not Effect.EFFECT:
            return Outcome(f"{tool.name} has no result: {why}.", "error")
        try:
            async with asyncio.timeout(_RECONCILE_LIMIT):
                proven = await tool.reconcile(call)
        except TimeoutError:
            proven = None
        return proven or Outcome(
            f"It cannot be told whether {tool.name} took effect: {why}. Look before calling it again.",
            "unknown",
            summary=f"{tool.name}: outcome unknown",
        )

    def _check(self, tool: Tool) -> InputCheck:
        check = self._checks.get(tool)
        if check is None:
            check = self._checks[tool] = InputCheck(tool.input_schema)
        return check

    def _capped(self, item: Step | Outcome) -> Step | Outcome:
        if isinstance(item, Step):
            return replace(item, message=_clean(item.message)[:_STEP_LIMIT])
        content = _clean(item.content)
        summary = _clean(item.summary) or content.strip().partition("\n")[0]
        size = len(content.encode())
        if size > self._result_limit:
            kept = content.encode()[: self._result_limit].decode(errors="ignore")
            content = f"{kept}\n[cut: the first {self._result_limit} of {size} bytes are shown]"
        return replace(item, content=content, summary=summary[:_SUMMARY_LIMIT])


def _clean(text: str) -> str:
    """Text that every store and every wire takes: no lone surrogates, no NUL."""
    return text.encode("utf-8", "replace").decode().replace("\0", "\ufffd")
