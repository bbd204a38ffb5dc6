"""Answers client tools beside the reader: each call runs as a task of its own, once.

In: the data of ``tool_call`` events, replayed ones included. Out: a posted result for each call of a tool we have. A
call that was answered before we came (or by somebody else meanwhile) is left alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from urllib.parse import quote

from .errors import Conflict
from .pace import Pace
from .service import Service
from .tools import ClientTool
from .wire import JsonObject


class Answering:
    """The client tools of one run."""

    def __init__(self, service: Service, tools: Sequence[ClientTool], pace: Pace) -> None:
        self._service = service
        self._tools = {tool.name: tool for tool in tools}
        self._pace = pace
        self._called: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._failure: BaseException | None = None

    def call(self, run_id: str, call: JsonObject, *, replayed: bool) -> None:
        """Run the tool of ``call`` if it is ours. ``replayed``: somebody may have answered it already."""
        tool, call_id = self._tools.get(call.get("name", "")), call["tool_call_id"]
        if tool is None or call.get("runs") != "client" or call_id in self._called:
            return
        self._called.add(call_id)
        task = asyncio.create_task(self._answer(run_id, tool, call, replayed))
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def check(self) -> None:
        """Raise what kept an answer from being delivered, if anything did."""
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise failure

    async def close(self) -> None:
        """Cancel what is still running."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _answer(self, run_id: str, tool: ClientTool, call: JsonObject, replayed: bool) -> None:
        path = f"/api/runs/{quote(run_id)}"
        call_id = call["tool_call_id"]
        if replayed:
            document = await self._service.insist("GET", path, pace=self._pace)
            calls = (document.get("state") or document).get("tool_calls") or []
            if call_id not in {known["tool_call_id"] for known in calls if known.get("state") != "ended"}:
                return
        answer = await tool.answer(call.get("input") or {})
        body = {"tool_call_id": call_id, "content": answer.content, "is_error": answer.is_error}
        try:
            await self._service.insist("POST", f"{path}/tool_results", body, self._pace)
        except Conflict:
            return  # another viewer was first, or the deadline passed: the run has gone on without us

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._failure = task.exception()
