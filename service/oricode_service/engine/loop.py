"""A run's life: wait for the chat, take turns, run tools, end in exactly one terminal event.

In: a :class:`Run`, fresh or recovered. Out: a finished log. The committed turns and tool results are the checkpoints:
the loop asks the store what is there and does what is missing, so a recovered run and a fresh one take the same path.
Here is the one place where a failure of any kind is turned into the run's terminal event, which ``ending`` commits.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from oricode_protocol import codec
from oricode_protocol.errors import OricodeError, error
from oricode_protocol.events import MessageStop, Queued, Recovering, RunStatus
from oricode_protocol.lifecycle import RunState

from ..store.patience import until_available
from ..store.port import Fenced
from ..store.rows import AddMessage, MessageRow, Op
from .calls import run_calls
from .content import BAD_INPUT, content_of, fold_draft
from .ending import finish, last_events
from .history import REFUSED, conversation
from .ports import Ports
from .run import Run
from .turn import Turn

JsonObject = dict[str, Any]
_log = logging.getLogger(__name__)


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
        if failure is not None and run.abandoned:  # what fails when it is stopped is tried again elsewhere
            return
        if failure is not None and run.cancelled:
            status, failure = "cancelled", None
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

    def _question(self, *, refused: bool = False) -> list[MessageRow]:
        """The request's messages as rows; written with the first turn's commit, so that a start costs no fsync."""
        run, now = self._run, self._ports.now()
        meta = codec.dumps({REFUSED: True} if refused else {})
        return [
            MessageRow(run.row.no, 0, message["role"], "", codec.dumps(message["content"]), now, meta)
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
            await finish(run, ports, [stop], ops, "completed", stop_reason=self._stop_reason)
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
        return self._added(rows)

    def _added(self, rows: list[MessageRow]) -> list[Op]:
        return [AddMessage(self._run.row.no, self._run.row.chat_no, row) for row in rows]

    async def _end(self, status: RunStatus, failure: OricodeError | None) -> None:
        """End a run that its last turn did not end."""
        run = self._run
        if run.writer.state is RunState.ENDED:  # its end was being written when it was stopped
            await self._ports.logs.commit.flushed()
            return
        if not self._asked and run.row.epoch > 1:  # it ends before it saw what the process before this one stored
            self._asked = bool(await until_available(lambda: self._ports.runs.messages(run.row.no)))
        ops = self._unfinished(failure)
        code = failure.code if failure is not None else None
        events = last_events(run, failure)
        await finish(run, self._ports, events, ops, status, stop_reason=self._stop_reason, code=code)

    def _unfinished(self, failure: OricodeError | None) -> list[Op]:
        """What a person saw of the open message stays in the chat; the question does in any case."""
        run = self._run
        if self._turn is None:
            return [] if self._asked else self._store_messages(0, [], {})
        draft = self._turn.draft
        run.count(draft.usage)
        fold_draft(run.fold, draft)
        shown = [block for block in content_of(draft) if block["type"] == "text" and block["text"]]
        if not shown and not self._asked and failure is not None and failure.code == "upstream_rejected":
            # Sent again with every later question, it would have them all refused.
            return self._added(self._question(refused=True))
        return self._store_messages(self._turn.number, shown, {"usage": draft.usage, "partial": True})


def _reason(group: BaseExceptionGroup[BaseException], run_id: str) -> OricodeError:
    """What a failed group of tool calls means for the run."""
    for inner in group.exceptions:
        if isinstance(inner, Fenced):
            raise inner
        if isinstance(inner, OricodeError):
            return inner
    _log.error("run %s failed in its tools", run_id, exc_info=group)
    return error("internal")
