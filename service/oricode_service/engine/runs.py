"""The registry of runs: what transports may ask of the engine.

In: an authorised user and what they want. Out: rows of the store and logs to read; the runs themselves live here, in
tasks that no connection owns. Everything filters by user: a foreign run is not found.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterable, Mapping
from typing import Literal

from oricode_protocol import codec
from oricode_protocol.commands import Chat
from oricode_protocol.errors import error
from oricode_protocol.events import HeartbeatState
from oricode_protocol.ids import is_id

from ..log.follower import Follower
from ..log.writer import RunWriter
from ..models.port import UnknownModel
from ..store.patience import until_available
from ..store.port import ChatBusy, ChatNotFound, ChatStore, KeyReused, TooManyRuns
from ..store.rows import LIVE, Created, NewRun, RunRow
from . import request
from .approvals import audited
from .loop import RunLoop
from .observer import mark
from .ports import Ports
from .request import Asker
from .run import Run
from .takeover import give_up, replay
from .watching import Watching

__all__ = ["Asker", "Engine"]  # the engine's door: transports know this module
_log = logging.getLogger(__name__)
CLAIM_AT_ONCE = 50
"""Runs taken over in one piece, so that several processes share what a dead one left."""
DELETE_PATIENCE = 10.0
"""Seconds to wait for the end of a run that another process owns."""


class Engine:
    """All runs of this process."""

    def __init__(self, ports: Ports, chats: ChatStore) -> None:
        self.ports = ports
        self._chats = chats
        self._live: dict[int, Run] = {}
        self._watching = Watching(ports)
        self._draining = False
        self._lends = False
        """While draining: late requests start runs for the next process."""
        self._beginning: set[asyncio.Task[Created]] = set()

    # Start.

    async def start(self, asker: Asker, chat: Chat) -> tuple[RunRow, bool]:
        """Start the run a chat request asks for, or find the one its idempotency key started.

        Returns (run, fresh). Raises ClientError or ServiceError with what to do.
        """
        if self._draining and not self._lends:
            raise error("restarting", retry_after=1)
        try:
            route = self.ports.models.route(chat.model)
        except UnknownModel as unknown:
            raise error("unknown_model", unknown.sentence) from None
        wanted = request.build(chat, route.model, self.ports.limits.max_tokens)
        if (refusal := self.ports.toolbox.refuse_client_tools(wanted.tools)) is not None:
            raise error("invalid_request", f"`tools`: {refusal}.")
        origin, max_live = self.ports.tracing.origin(), self.ports.limits.max_live_per_key
        new = request.new_run(asker, chat, wanted, origin, max_live=max_live, now=self.ports.now())
        try:
            # Shielded: a requester that goes away must not leave a run that is ours and that nobody drives.
            beginning = asyncio.create_task(self._begin(new))
            self._beginning.add(beginning)
            beginning.add_done_callback(self._beginning.discard)
            created = await asyncio.shield(beginning)
        except ChatNotFound:
            raise error("not_found", "There is no such chat; leave `chat_id` out to start one.") from None
        except ChatBusy:
            raise error("chat_busy", retry_after=5) from None
        except TooManyRuns:
            raise error("too_many_runs", retry_after=5) from None
        except KeyReused:
            raise error("idempotency_mismatch") from None
        mark(run=created.run.id, chat=created.run.chat_id)
        return created.run, created.fresh

    async def began(self, user: str, chat: Chat) -> bool:
        """Whether this request is a repetition, so that :meth:`start` will find its run."""
        key = chat.idempotency_key
        return key is not None and await self.ports.runs.began(user, key, self.ports.now())

    async def _begin(self, new: NewRun) -> Created:
        created = await self.ports.runs.create(new)
        if created.fresh and self._draining:
            await self.ports.runs.release([created.run.no])
        elif created.fresh:
            title = new.title if new.new_chat else await self._title(created.run)
            self._launch(created.run, title, None, first_of_chat=new.new_chat)
            self.ports.observer.run_started(codec.loads(new.labels))
            if new.if_busy == "interrupt":
                self.stop_here(busy.no for busy in created.busy)
        return created

    def _launch(self, row: RunRow, title: str, recovering: str | None, *, first_of_chat: bool = False) -> None:
        log = self.ports.logs.own(row)
        run = Run(row, RunWriter(self.ports.logs.commit, log, row.epoch), title)
        run.first_of_chat = first_of_chat
        run.viewers = self._watching.viewers(row.no)
        self._live[row.no] = run
        run.task = asyncio.create_task(self._drive(run, recovering), name=row.id)

    async def _drive(self, run: Run, recovering: str | None) -> None:
        mark(run=run.row.id, chat=run.row.chat_id, user=run.row.user)
        try:
            with self.ports.tracing.run(run.row, run.labels):
                if recovering is not None:
                    await replay(run, self.ports)
                await RunLoop(run, self.ports).drive(recovering)
            if run.ended is not None:
                self._watching.ended(run.row, run.ended)
        finally:
            self._live.pop(run.row.no, None)
            self.ports.logs.disown(run.row.no)
            for other in self._live.values():
                if other.row.chat_no == run.row.chat_no:
                    other.chat_free.set()

    # Take over.

    async def recover(self, reason: str) -> int:
        """Claim and continue every run that no living process owns; how many there were."""
        count = 0
        while not self._draining and (claimed := await self.ports.runs.claim(CLAIM_AT_ONCE)):
            for row in claimed:
                title = await self._title(row)
                if self._draining:  # since it was claimed: the drain does not know of it
                    await self.ports.runs.release([row.no])
                    continue
                self._launch(row, title, reason)
                self.ports.observer.run_taken_over()
            count += len(claimed)
            _log.info("took over %d unfinished runs", len(claimed))
        return count

    async def _title(self, row: RunRow) -> str:
        held = await until_available(lambda: self._chats.get(row.user, row.chat_id))
        return held.title if held else ""

    # Ask about a run.

    async def row(self, user: str | None, run_id: str) -> RunRow:
        """The run, if it is this user's; raises ``not_found``."""
        row = await self.ports.runs.get(run_id, user) if is_id(run_id) else None
        if row is None:
            raise error("not_found", "There is no such run.")
        mark(run=row.id, chat=row.chat_id)
        return row

    def doing(self, run_no: int) -> HeartbeatState:
        """What a run is doing right now, for heartbeats."""
        if self.ports.logs.unavailable:
            return "recovering"
        run = self._live.get(run_no)
        return run.doing if run is not None else "model"

    @property
    def live(self) -> list[Run]:
        """The runs of this process."""
        return list(self._live.values())

    # Orders.

    async def cancel(self, user: str, run_id: str) -> bool:
        """End a run now; False when it had ended or was being cancelled already."""
        row = await self.row(user, run_id)
        if row.status not in LIVE:
            return False
        fresh = await self.ports.runs.request_cancel(row.no)
        self.stop_here([row.no])
        return fresh

    async def cancel_and_wait(self, user: str, run_id: str) -> None:
        """Cancel and return when the run has ended; one of another process is waited for a bounded time."""
        row = await self.row(user, run_id)
        await self.cancel(user, run_id)
        run = self._live.get(row.no)
        if run is not None and run.task is not None:
            await asyncio.wait([run.task])
            return
        log = self.ports.logs.log(await self.row(user, run_id))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DELETE_PATIENCE):
                while not log.ended:
                    changed = asyncio.Event()
                    log.on_change(changed.set)
                    await changed.wait()

    def stop_here(self, run_nos: Iterable[int]) -> None:
        """End those of these runs that live in this process and are not ending already."""
        for run_no in run_nos:
            if (run := self._live.get(run_no)) is not None and not run.cancelled:
                run.stop()

    def nudge(self, run_nos: Iterable[int]) -> None:
        """Something that these runs may wait for happened: an answer came, or their chat became free."""
        for run_no in run_nos:
            if (run := self._live.get(run_no)) is not None:
                run.nudge()

    async def answer(
        self, user: str, run_id: str, kind: Literal["tool", "approval"], key: str, answer: Mapping[str, object]
    ) -> None:
        """Answer a client tool call or an approval; raises not_found, already_answered, not_pending."""
        row = await self.row(user, run_id)
        audit = await audited(self.ports, row, key, answer) if kind == "approval" else None
        encoded = codec.dumps(dict(answer))
        verdict = await self.ports.runs.answer(row.no, key, kind, encoded, user, self.ports.now(), audit)
        if verdict == "already":
            raise error("already_answered")
        if verdict == "absent":
            raise error("not_pending")
        if (run := self._live.get(row.no)) is not None:
            run.answered(key)

    # Viewers.

    def viewer_came(self, run_no: int) -> None:
        """A connection reads this run."""
        self._watching.came(run_no)
        if (run := self._live.get(run_no)) is not None:
            run.viewers += 1

    def viewer_left(self, run_no: int) -> None:
        """A connection ended, by whatever cause; cancels the run if its request asked for that."""
        self._watching.left(run_no)
        run = self._live.get(run_no)
        if run is None:
            return
        run.viewers -= 1
        if run.viewers <= 0 and run.request.cancel_on_disconnect and not self._draining:
            run.stop()

    def viewer_saw_end(self, row: RunRow) -> None:
        """A connection that was there before took the run's terminal event."""
        self._watching.saw_end(row)

    # The end.

    async def drain(self, effect_seconds: float = 0.0, *, lends: bool = False) -> None:
        """Stop all work without ending the runs, and give them up for the next process.

        ``effect_seconds``: for effects in the air to come down; after it they will be unknown. ``lends``: until the
        store is closed, requests that come late still start runs, for the next process.
        """
        self._draining = True
        self._lends = lends
        if self._beginning:
            await asyncio.wait(set(self._beginning))
        await give_up(self.live, self.ports, effect_seconds)

    async def end_lending(self) -> None:
        """From now on late requests are refused; returns when those that came in time have their runs."""
        self._lends = False
        if self._beginning:
            await asyncio.wait(set(self._beginning))

    def follow(self, follower: Follower) -> None:
        """After a drain: readers that stay see what other processes write."""
        self.ports.logs.follow(follower)
