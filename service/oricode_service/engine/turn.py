"""One model turn: call the provider, show what it says, try again when it fails.

In: the conversation. Out: the finished draft; its deltas are in the log already, the turn itself is committed by the
loop. A call that failed before it showed anything is repeated silently; one that died in the middle becomes the next
attempt, which voids what viewers saw of it. Both are bounded.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
from typing import Any

from oricode_protocol import codec
from oricode_protocol.errors import error
from oricode_protocol.events import MessageStart
from oricode_protocol.events import ToolInput as ToolInputEvent
from oricode_protocol.ids import new_id

from ..models.port import (
    Delta,
    Draft,
    Kind,
    ModelCall,
    Pieces,
    Text,
    Thinking,
    ToolInput,
    ToolUse,
    UnknownModel,
    UpstreamFailure,
)
from .approvals import APPROVAL
from .pieces import LONGEST, Half, cut, whole
from .ports import Ports
from .run import Run

JsonObject = dict[str, Any]
BACKOFF_CAP = 30.0
_CALL_ID = re.compile(r"[A-Za-z0-9_-]{1,64}\Z", re.ASCII)
_log = logging.getLogger(__name__)


class Turn:
    """A turn in progress; ``draft`` holds what the current attempt said so far."""

    def __init__(self, run: Run, ports: Ports, number: int, attempt: int) -> None:
        self.number = number
        self.message_id = f"msg_{run.row.id.removeprefix('run_')}_{number}"
        self.draft = Draft()
        self._run = run
        self._ports = ports
        self._attempt = attempt
        self._calls: dict[int, str] = {}
        """Block index -> tool call id, as viewers know it."""
        self._half: Half | None = None
        """Held back until its other half comes."""

    async def take(self, messages: list[JsonObject]) -> Draft:
        """Call the model until it finished a message; raises UpstreamError when it will not."""
        run, ports = self._run, self._ports
        try:
            route = ports.models.route(run.request.model)
        except UnknownModel as unknown:  # it was there when the run began: the service was started anew without it
            raise error("upstream_unknown_model", unknown.sentence) from None
        call = ModelCall(
            model=route.model,
            messages=messages,
            system=ports.prompts(run.request.client_type, run.chat_title, run.row.user, run.request.system),
            tools=ports.toolbox.definitions() + run.request.tools,
            max_tokens=run.request.max_tokens,
            thinking=run.request.thinking,
            metadata=run.request.metadata,
            run_id=run.row.id,
            turn=self.number,
            eager=self._take,
        )
        self._start(route.model)
        for tried in range(1, ports.limits.attempts + 1):
            shown = run.writer.seq
            try:
                with ports.tracing.call(call, self._attempt) as told:
                    async with contextlib.aclosing(route.provider.stream(call)) as stream:
                        async for deltas in stream:
                            if not self._take(deltas):
                                await run.writer.room()
                    told(self.draft)
                return self.draft
            except UpstreamFailure as failure:
                if (task := asyncio.current_task()) is not None and task.cancelling():
                    raise asyncio.CancelledError from failure  # it failed because it was stopped: that is all
                # Without its sentence: a provider's may quote what it was sent. The run's `error` event has it.
                _log.warning("run %s turn %d: %s", run.row.id, self.number, failure.code)
                if not failure.retryable or tried == ports.limits.attempts:
                    raise error(failure.code, failure.sentence, retry_after=failure.retry_after) from failure
                ports.observer.retried(failure.code, run.arm)
                pause = self._pause(tried, failure)
            run.count(self.draft.usage)
            self._drop_draft()
            if run.writer.seq > shown:
                self._attempt += 1
                self._start(route.model)
            await ports.sleep(pause)
        raise AssertionError("the last try returns or raises")

    def _start(self, model: str) -> None:
        self._run.emit(MessageStart(message_id=self.message_id, turn=self.number, attempt=self._attempt, model=model))

    def _drop_draft(self) -> None:
        self._run.calls_seen.difference_update(self._calls.values())
        self._calls.clear()
        self._half = None
        self.draft = Draft()

    def _pause(self, tried: int, failure: UpstreamFailure) -> float:
        """Seconds until the next try: what the provider asked for, capped, else exponential with full jitter."""
        limits = self._ports.limits
        if failure.retry_after is not None:
            return min(failure.retry_after, limits.retry_after_cap)
        return self._ports.uniform(0, min(BACKOFF_CAP, limits.backoff_base * 2.0**tried))

    def _take(self, deltas: list[Delta]) -> bool:
        """Take what the model said; False = wait before it says more."""
        if deltas and self._run.first_output_at is None:
            self._run.first_output_at = self._ports.now()
        self._show(deltas)
        return not self._run.writer.crowded

    def _show(self, deltas: list[Delta]) -> None:
        for delta in deltas:
            if self._half is not None and not self._half.continued_by(delta):
                self._show_half()
            if type(delta) is Pieces:
                self._say(delta.kind, delta.index, delta.pieces)
            elif type(delta) is Text or type(delta) is Thinking:
                self._say(type(delta), delta.index, [delta.text])
            elif type(delta) is ToolInput:
                if delta.partial_json:
                    self._say(ToolInput, delta.index, [delta.partial_json])
            else:
                if type(delta) is ToolUse:
                    delta.tool_call_id = self._calls[delta.index] = self._unique(delta.tool_call_id)
                    self._input(delta.index, [""], delta.name)
                self.draft.add(delta)

    def _say(self, kind: Kind, index: int, pieces: list[str]) -> None:
        if self._half is not None or "\ud800" <= pieces[-1][-1:] <= "\udbff":
            pieces, self._half = whole(kind, index, pieces, self._half)
        if pieces:
            self._say_now(kind, index, pieces)

    def _show_half(self) -> None:
        """Its other half did not come."""
        if self._half is not None:
            half, self._half = self._half, None
            self._say_now(half.kind, half.index, [half.text])

    def _say_now(self, kind: Kind, index: int, pieces: list[str]) -> None:
        self.draft.say(kind, index, pieces)
        if kind is not ToolInput:
            name = "content" if kind is Text else "thinking"
            data = codec.encode_texts(pieces, index)
            if len(data) > LONGEST and (short := cut(pieces)) is not pieces:
                pieces, data = short, codec.encode_texts(short, index)
            self._run.writer.append_deltas(name, data, len(pieces))
        elif index in self._calls:
            self._input(index, pieces, None)

    def _input(self, index: int, pieces: list[str], name: str | None) -> None:
        call = self._calls[index]
        short = cut(pieces)
        events = [ToolInputEvent(tool_call_id=call, partial_json=p, index=index, name=name) for p in short]
        data = b"\n".join(map(codec.encode, events))
        self._run.writer.append_deltas(ToolInputEvent.event, data, len(events))

    def _unique(self, tool_call_id: str) -> str:
        """The provider's id, or one of ours when it is odd, reads like an approval's or was used in this run before."""
        odd = not _CALL_ID.match(tool_call_id) or tool_call_id.startswith(APPROVAL)
        if odd or tool_call_id in self._run.calls_seen:
            tool_call_id = new_id("call")
        self._run.calls_seen.add(tool_call_id)
        return tool_call_id
