"""A run's life: wait for the chat, take turns, run tools, end in exactly one terminal event.

In: a :class:`Run`, fresh or recovered. Out: a finished log. The committed turns and tool results are the checkpoints:
the loop asks the store what is there and does what is missing, so a recovered run and a fresh one take the same path.
Here is the one place where a failure of any kind becomes the run's terminal event.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from oricode_protocol import codec
from oricode_protocol.errors import OricodeError, error
from oricode_protocol.events import (
    ApprovalResolved,
    Done,
    Error,
    Event,
    MessageStop,
    Queued,
    Recovering,
    RunStatus,
    ToolResult,
)
from oricode_protocol.lifecycle import RunState

from ..store.patience import until_available
from ..store.port import Fenced
from ..store.rows import AddMessage, FinishRun, MessageRow, Op
from .calls import run_calls
from .content import BAD_INPUT, content_of, fold_draft
from .history import conversation
from .observer import RunEnd
from .ports import Ports
from .run import Run
from .turn import Turn

JsonObject = dict[str, Any]
_log = logging.getLogger(__name__)
_ENDINGS: dict[RunStatus, str] = {"completed": "Complete", "failed": "Failed", "cancelled": "Cancelled"}


class RunLoop:
    """Drives one run to its end."""

    def __init__(self, run: Run, ports: Ports) -> None:
        self._run = run
        self._ports = ports
        self._turn: Turn | None = None
        """The turn whose message is open."""
        self._asked = False
        """True when the request's own messages are stored."""
        self._stop_reason: str | None = None

    async def drive(self, recovering: str | None = None) -> None:
        """Live the run. ``recovering``: why it had to be taken over, None for a fresh one.

        Returns after the terminal event, or without one when the run was abandoned for another process.
        """
        run = self._run
        status: RunStatus = "completed"
        failure: OricodeError | None = None
        run.work = asyncio.create_task(self._live(recovering), name=f"work of {run.row.id}")
        if run.cancelled or run.abandoned:
            run.work.cancel()
        try:
            await run.work
        except asyncio.CancelledError:
            if run.abandoned:
                return
            this = asyncio.current_task()
            if this is not None and this.cancelling():
                raise
            if run.cancelled:
                status = "cancelled"
            else:
                _log.error("run %s was cancelled by nobody: a library let a cancellation slip", run.row.id)
                status, failure = "failed", error("internal")
        except TimeoutError:
            status, failure = "failed", error("time_limit")
        except OricodeError as reason:
            status, failure = "failed", reason
        except Fenced:
            raise
        except BaseExceptionGroup as group:
            status, failure = "failed", _reason(group, run.row.id)
        except Exception as bug:  # noqa: BLE001 - the top-level place: whatever failed, the run ends properly
            _log.exception("run %s failed", run.row.id, exc_info=bug)
            status, failure = "failed", error("internal")
        await self._end(status, failure)

    async def _live(self, recovering: str | None) -> None:
        run, ports = self._run, self._ports
        if recovering is not None:
            if run.writer.state is not RunState.NEW:
                run.doing = "recovering"
                run.emit(Recovering(attempt=run.row.epoch - 1, reason=recovering))
            if run.row.attempts > ports.limits.takeovers:
                raise error("too_many_attempts")
        if run.row.status == "queued":
            await self._wait_for_chat()
        async with asyncio.timeout(ports.limits.wall_seconds):
            await self._take_turns()

    async def _wait_for_chat(self) -> None:
        run, ports = self._run, self._ports
        shown = -1
        while (position := await until_available(lambda: ports.runs.try_start(run.row.no, ports.now()))) > 0:
            run.doing = "queued"
            if position != shown and run.writer.state in (RunState.NEW, RunState.QUEUED):
                shown = position
                run.emit(Queued(position=position))
            try:
                async with asyncio.timeout(ports.poll_seconds):
                    await run.chat_free.wait()
            except TimeoutError:
                continue
            run.chat_free.clear()

    async def _take_turns(self) -> None:
        with self._ports.tracing.turns() as begin:
            await self._take_turns_in(begin)

    async def _take_turns_in(self, begin: Callable[[int], None]) -> None:
        run, ports = self._run, self._ports
        await ports.toolbox.settled()  # a run that goes on after a restart must find the tools it had
        # What cannot be there is not asked for: with PostgreSQL each question is a round trip.
        earlier: list[MessageRow] = []
        if not run.first_of_chat:
            earlier = await until_available(lambda: ports.runs.history(run.row.chat_no, run.row.no))
        fresh = run.row.epoch == 1
        while True:
            steps = [] if fresh else await until_available(lambda: ports.runs.messages(run.row.no))
            fresh = False
            self._asked = bool(steps)
            # Turn 0 is what the request brought along: an assistant's words in it are the requester's.
            turns = [step for step in steps if step.role == "assistant" and step.turn > 0]
            if turns:
                last = codec.loads(turns[-1].content)
                answered = {step.key for step in steps if step.role == "tool"}
                calls = [block for block in last if block["type"] == "tool_use"]
                missing = [block for block in calls if block["id"] not in answered]
                if missing:
                    begin(turns[-1].turn)
                    await run_calls(run, ports, turns[-1].turn, missing)
                    continue
                meta = codec.loads(turns[-1].meta)
                if not calls and meta.get("stop_reason") != "pause_turn":
                    self._stop_reason = meta.get("stop_reason")
                    return
            self._check_limits(len(turns))
            asked = [] if steps else self._question()
            begin(len(turns) + 1)
            if await self._take_turn(conversation(earlier + steps + asked), len(turns) + 1):
                return

    def _question(self) -> list[MessageRow]:
        """The request's messages as rows; written with the first turn's commit, so that a start costs no fsync."""
        run, now = self._run, self._ports.now()
        return [
            MessageRow(run.row.no, 0, message["role"], "", codec.dumps(message["content"]), now)
            for message in run.request.messages
        ]

    def _check_limits(self, turns: int) -> None:
        limits = self._ports.limits
        if turns >= limits.turns:
            raise error("turn_limit")
        if sum(self._run.usage.values()) >= limits.tokens:
            raise error("token_limit")

    async def _take_turn(self, messages: list[JsonObject], number: int) -> bool:
        """One model turn, committed. True when it was the last: then the run's end is in the same commit."""
        run, ports = self._run, self._ports
        run.doing = "model"
        turn = self._turn = Turn(run, ports, number, self._attempt(number))
        draft = await turn.take(messages)
        content = content_of(draft)
        if draft.stop_reason == "max_tokens":  # a call that was cut off cannot run
            content = [block for block in content if not block.get(BAD_INPUT)]
        fold_draft(run.fold, draft)
        stop = MessageStop(
            message_id=turn.message_id, stop_reason=draft.stop_reason, usage=draft.usage or None, model=draft.model
        )
        run.note(stop)
        run.count(draft.usage)
        self._turn = None
        meta = {"usage": draft.usage, "stop_reason": draft.stop_reason, "model": draft.model}
        ops = self._store_messages(number, content, meta)
        # An empty message cannot be continued: the same question would be asked again, for ever.
        paused = draft.stop_reason == "pause_turn" and content
        final = not paused and not any(block["type"] == "tool_use" for block in content)
        ports.reach("turn.before")
        if final:
            self._stop_reason = draft.stop_reason
            await self._finish([stop], ops, "completed")
        else:
            await run.writer.commit([stop], ops)
        ports.reach("turn.after")
        return final

    def _attempt(self, number: int) -> int:
        """1, or one more than the attempt that a dead process left open."""
        messages = self._run.fold.state()["messages"]
        for message in messages:
            if message["turn"] == number:
                return int(message["attempt"]) + 1
        return 1

    def _store_messages(self, turn: int, content: list[JsonObject], meta: JsonObject) -> list[Op]:
        run = self._run
        rows = [] if self._asked else self._question()
        self._asked = True
        if content:
            answer = MessageRow(
                run.row.no, turn, "assistant", "", codec.dumps(content), self._ports.now(), codec.dumps(meta)
            )
            rows.append(answer)
        return [AddMessage(run.row.no, run.row.chat_no, row) for row in rows]

    # The end.

    async def _end(self, status: RunStatus, failure: OricodeError | None) -> None:
        run = self._run
        if run.writer.state is RunState.ENDED:  # its end was being written when it was stopped
            await self._ports.logs.commit.flushed()
            return
        ops: list[Op] = []
        events: list[Event] = []
        if self._turn is not None:  # what a person saw of the open message stays in the chat
            draft = self._turn.draft
            run.count(draft.usage)
            fold_draft(run.fold, draft)
            shown = [block for block in content_of(draft) if block["type"] == "text" and block["text"]]
            ops = self._store_messages(self._turn.number, shown, {"usage": draft.usage, "partial": True})
        elif not self._asked:
            ops = self._store_messages(0, [], {})
        if run.writer.state is RunState.BETWEEN:
            events += self._close_calls()
        if failure is not None:
            after = int(failure.retry_after * 1000) if failure.retry_after is not None else None
            events.append(
                Error(
                    error=failure.sentence,
                    code=failure.code,
                    retryable=failure.row.retryable,
                    retry_after_ms=after,
                )
            )
        await self._finish(events, ops, status, failure.code if failure is not None else None)

    def _close_calls(self) -> list[Event]:
        """Say of every call that was in the air, and of every open approval, that nothing more will come."""
        state = self._run.fold.state()
        events: list[Event] = [
            ApprovalResolved(
                approval_id=approval["approval_id"], tool_call_id=approval["tool_call_id"], decision="cancelled"
            )
            for approval in state["approvals"]
        ]
        events += [
            ToolResult(
                tool_call_id=call["tool_call_id"],
                name=call["name"],
                status="error" if call["runs"] == "client" else "unknown",
                summary="Stopped before a result was known",
            )
            for call in state["tool_calls"]
            if call["state"] == "running"
        ]
        return events

    async def _finish(self, events: list[Event], ops: list[Op], status: RunStatus, code: str | None = None) -> None:
        run, ports = self._run, self._ports
        now = ports.now()
        done = Done(
            message=_ENDINGS[status],
            status=status,
            stop_reason=self._stop_reason,
            usage=run.usage or None,
            duration_ms=max(0, now - run.row.created_at),
        )
        run.note(*(event for event in events if not isinstance(event, MessageStop)), done)
        end = self._summary(status, code, now)
        finish = FinishRun(run.row.no, status, now, codec.dumps(run.fold.state()), codec.dumps(_labels(end)))

        def count() -> None:  # before the end is visible: who has seen it finds it counted
            run.ended = end
            ports.observer.run_ended(end)

        ports.reach("done.before")
        await _to_the_end(run.writer.commit([*events, done], [*ops, finish], count))
        ports.tracing.run_ended(end)
        ports.reach("done.after")

    def _summary(self, status: RunStatus, code: str | None, now: int) -> RunEnd:
        run = self._run
        begun, first = run.row.created_at, run.first_output_at
        return RunEnd(
            labels=run.labels,
            status=status,
            code=code,
            seconds=max(0, now - begun) / 1000,
            first_token_seconds=max(0, first - begun) / 1000 if first is not None else None,
            watched=run.watched,
            usage=run.usage,
        )


def _labels(end: RunEnd) -> dict[str, str]:
    """The run's labels with what reports want to know of its end."""
    known = {"code": end.code, "watched": "yes" if end.watched else "no"}
    if end.first_token_seconds is not None:
        known["first_token_seconds"] = f"{end.first_token_seconds:.3f}"
    return {**end.labels, **{name: value for name, value in known.items() if value is not None}}


async def _to_the_end(commit: Coroutine[Any, Any, None]) -> None:
    """Wait for a run's last commit, although somebody stops the run meanwhile: nothing can call it back."""
    writing = asyncio.ensure_future(commit)
    try:
        await asyncio.shield(writing)
    except asyncio.CancelledError:
        await writing


def _reason(group: BaseExceptionGroup[BaseException], run_id: str) -> OricodeError:
    """What a failed group of tool calls means for the run."""
    for inner in group.exceptions:
        if isinstance(inner, Fenced):
            raise inner
        if isinstance(inner, OricodeError):
            return inner
    _log.error("run %s failed in its tools", run_id, exc_info=group)
    return error("internal")
