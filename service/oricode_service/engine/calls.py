"""The tool calls of a committed turn: run concurrently, each result committed by itself.

In: the ``tool_use`` blocks that have no result yet. Out: their results as messages, and the events that show them. A
call with a side effect is entered in the ledger before it runs; one that was started by a process that died is never
run again: its tool may prove that it happened, else the result is ``unknown``.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from typing import Any

from oricode_protocol import codec
from oricode_protocol.events import Progress, Runs, ToolCall, ToolResult, ToolStatus

from ..store.patience import until_available
from ..store.rows import AddMessage, EffectRow, FinishEffect, MessageRow, Op, StartEffect
from ..tools.port import Call, Effect, Outcome, Step, Tool
from .approvals import Refusal, digest_of, permit
from .content import BAD_INPUT
from .ports import Ports
from .questions import ask
from .run import Run

JsonObject = dict[str, Any]
UNKNOWN = (
    "The service was interrupted while this call ran. Whether it took effect is not known, and it was not repeated. "
    "Check the target before you call it again."
)
_UNKNOWN = Outcome(UNKNOWN, "unknown", "It is not known whether it happened")


async def run_calls(run: Run, ports: Ports, turn: int, blocks: list[JsonObject]) -> None:
    """Bring every call to a result. Cancelling this cancels the calls."""
    async with asyncio.TaskGroup() as group:
        for block in blocks:
            group.create_task(_ToolRun(run, ports, turn, block).traced())


def effect_key(run_id: str, tool_call_id: str) -> str:
    """The ledger's key of a call: unique over all runs, whatever ids a provider invents."""
    return f"{run_id}.{tool_call_id}"


class _ToolRun:
    """One call on its way to a result."""

    def __init__(self, run: Run, ports: Ports, turn: int, block: JsonObject) -> None:
        self._run = run
        self._ports = ports
        self._turn = turn
        self._id: str = block["id"]
        self._name: str = block["name"]
        self._input: JsonObject = block["input"]
        self._bad_input = bool(block.get(BAD_INPUT))
        self._digest = digest_of(self._name, self._input)
        """Of what runs, for the audit log."""
        self._started = time.monotonic()
        self._runs: Runs = "server"
        self._status: ToolStatus = "error"
        """Of the result, once there is one."""

    async def traced(self) -> None:
        with self._ports.tracing.tool(self._name, self._id) as told:
            await self.bring()
            told(self._runs, self._status)

    async def bring(self) -> None:
        tool = self._ports.toolbox.get(self._name)
        if self._bad_input:
            self._announce("server")
            await self._settle(Outcome("The input was not a valid JSON object; call the tool again.", "error"))
        elif tool is None and any(t["name"] == self._name for t in self._run.request.tools):
            await self._ask_client()
        elif tool is None and await self._begun() is not None:  # its MCP server is not back yet
            await self._settle(_UNKNOWN, self._finish(_UNKNOWN))
        elif tool is None:
            self._announce("server")
            known = ", ".join(t["name"] for t in self._ports.toolbox.definitions() + self._run.request.tools)
            await self._settle(Outcome(f"There is no tool {self._name!r}. Available: {known}.", "error"))
        else:
            await self._run_permitted(tool)

    # Where it runs.

    async def _ask_client(self) -> None:
        deadline = self._ports.now() + int(self._ports.limits.client_tool_seconds * 1000)
        question = replace(self._call_event("client"), deadline=deadline)
        self._run.call_is(self._id, "client_tool")
        answer = (await ask(self._run, self._ports, self._id, "tool", question, deadline)).answer
        if answer is None:
            await self._settle(Outcome("No client answered this call before its deadline.", "error"))
        else:
            await self._settle(Outcome(answer["content"], "error" if answer.get("is_error") else "ok"))

    async def _run_permitted(self, tool: Tool) -> None:
        key = effect_key(self._run.row.id, self._id)
        call = Call(key, self._run.row.user, self._run.row.id, self._run.row.chat_id, self._input)
        begun = tool.effect is Effect.EFFECT and await self._begun() is not None
        allowed = await permit(self._run, self._ports, self._name, self._id, call, begun=begun)
        if isinstance(allowed, Refusal):
            self._announce("server")
            await self._settle(Outcome(allowed.why, "error"), status="denied")
            return
        self._digest = allowed.digest
        await self._run_tool(tool, allowed.call, begun=begun)

    async def _run_tool(self, tool: Tool, call: Call, *, begun: bool) -> None:
        ports, run, key = self._ports, self._run, call.tool_call_id
        run.call_is(self._id, "tool")
        if tool.effect is not Effect.EFFECT:
            self._announce(tool.runs)
            await self._settle(await self._drive(call))
            return
        if begun:
            outcome = await tool.reconcile(call) or _UNKNOWN
            await self._settle(outcome, self._finish(outcome))
            return
        async with run.effect():
            announcement = self._call_event(tool.runs)
            ports.reach("intent.before")
            run.note(announcement)
            await run.writer.commit([announcement], [StartEffect(run.row.no, key, ports.now())])
            ports.reach("intent.after")
            outcome = await self._drive(call)
            ports.reach("call.after")
            await self._settle(outcome, self._finish(outcome))

    async def _begun(self) -> EffectRow | None:
        """The ledger's entry: a process that died began this call."""
        key = effect_key(self._run.row.id, self._id)
        return await until_available(lambda: self._ports.runs.effect(key))

    def _finish(self, outcome: Outcome) -> FinishEffect:
        return FinishEffect(effect_key(self._run.row.id, self._id), _encoded(outcome), self._ports.now())

    async def _drive(self, call: Call) -> Outcome:
        async with aclosing(self._ports.toolbox.start(call, self._name)) as steps:
            async for step in steps:
                if isinstance(step, Outcome):
                    return step
                self._run.emit(self._progress(step))
        raise RuntimeError(f"tool {self._name} ended without an outcome")

    # What viewers see.

    def _call_event(self, runs: Runs) -> ToolCall:
        self._runs = runs
        return ToolCall(tool_call_id=self._id, name=self._name, input=self._input, runs=runs)

    def _announce(self, runs: Runs) -> None:
        self._run.emit(self._call_event(runs))

    def _progress(self, step: Step) -> Progress:
        return Progress(
            type=step.kind,
            message=step.message,
            progress=_number(step.percent),
            tool_call_id=self._id,
            current=_number(step.current),
            total=_number(step.total),
        )

    async def _settle(self, outcome: Outcome, *ops: Op, status: ToolStatus | None = None) -> None:
        """Commit the result: the message for the model and the event for the viewers, at once."""
        run, ports = self._run, self._ports
        block: JsonObject = {"type": "tool_result", "tool_use_id": self._id, "content": outcome.content}
        if outcome.status != "ok":
            block["is_error"] = True
        seconds = time.monotonic() - self._started
        event = ToolResult(
            tool_call_id=self._id,
            name=self._name,
            status=status or outcome.status,
            summary=outcome.summary or outcome.content.partition("\n")[0][:200],
            duration_ms=int(seconds * 1000),
        )
        self._status = event.status
        row = MessageRow(run.row.no, self._turn, "tool", self._id, codec.dumps(block), ports.now())
        if ops:  # an effect; before the commit, so that a kill in between repeats this line rather than losing it
            await self._audit(event)
        count = partial(ports.observer.tool_ended, self._name, self._runs, event.status, seconds, run.arm)
        ports.reach("result.before")
        run.note(event)
        await run.writer.commit([event], [*ops, AddMessage(run.row.no, run.row.chat_no, row)], count)
        run.call_is(self._id, None)
        ports.reach("result.after")

    async def _audit(self, event: ToolResult) -> None:
        """Note that a call with a side effect came to an end: a deployment, first of all."""
        detail = {
            "run_id": self._run.row.id,
            "tool_call_id": self._id,
            "tool": self._name,
            "input_digest": self._digest,
            "summary": event.summary,
        }
        now, user, action = self._ports.now(), self._run.row.user, f"effect.{event.status}"
        await until_available(lambda: self._ports.audit(now, user, action, codec.dumps(detail)))


def _encoded(outcome: Outcome) -> bytes:
    return codec.dumps({"content": outcome.content, "status": outcome.status, "summary": outcome.summary})


def _number(value: float | None) -> float | None:
    """Whole numbers without a fraction on the wire: 25, not 25.0."""
    return int(value) if value is not None and value == int(value) else value
