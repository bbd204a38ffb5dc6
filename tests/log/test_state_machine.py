"""Store, log and readers under any order of work: append, flush, commit, attach, read, crash, recover, cancel.

The oracle is a plain list per run of what was appended in each life. What any reader saw, and what any commit returned
for, must be in the store for ever; a reader gets exactly the events behind its cursor, in order, each once; whoever
resumes with an id that it saw misses nothing. On real SQLite, in a folder of its own per example.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest
from engine.world import _Mortal
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from log.books import apart
from oricode_protocol import codec
from oricode_protocol.events import Content, Done, MessageStart, Recovering
from oricode_protocol.ids import Cursor
from oricode_protocol.lifecycle import RunState, advance
from oricode_service.log.commit import GroupCommit
from oricode_service.log.hub import Logs
from oricode_service.log.pulse import Pulse
from oricode_service.log.reader import Reader
from oricode_service.log.run_log import RunLog
from oricode_service.log.writer import RunWriter
from oricode_service.store.rows import FinishRun, NewRun, Record, RunRow
from oricode_service.store.sqlite import open_store
from store.made import killed

T = TypeVar("T")
START = MessageStart(message_id="m", turn=1, attempt=1, model="x")


@dataclass
class Viewer:
    """A person who reads a run, over as many connections as it takes."""

    run: RunRow
    seen: list[Record]
    """Everything it got, in order, over all its connections."""
    reader: Reader | None = None


@dataclass
class Told:
    """What the test knows of a run."""

    row: RunRow
    writer: RunWriter | None = None
    appended: list[tuple[int, int, str]] = field(default_factory=list)
    """(seq, epoch, event) of this life and of what was stored in earlier ones."""
    durable: int = 0
    """Seq up to which a commit has returned."""
    ended: bool = False


def at_once(work: Coroutine[Any, Any, T]) -> T:
    """The value of a coroutine that never waits: nothing else runs meanwhile, no flush goes on."""
    try:
        work.send(None)
    except StopIteration as ended:
        value: T = ended.value
        return value
    raise AssertionError("it waited")


class LogMachine(RuleBasedStateMachine):
    runs = Bundle("runs")
    viewers = Bundle("viewers")

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="oricode-log-"))
        self.loop = asyncio.new_event_loop()
        self.told: dict[str, Told] = {}
        self.all_viewers: list[Viewer] = []
        self.lives = 0
        self.made = 0
        self.do(self.begin())

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        async def bounded() -> T:
            async with asyncio.timeout(20):
                return await work

        return self.loop.run_until_complete(bounded())

    async def begin(self) -> None:
        """A new process on the folder."""
        self.lives += 1
        self.store = await open_store(self.folder, f"life{self.lives}")
        self.mortal = _Mortal(self.store.log, lambda name: None)
        self.commit = GroupCommit(self.mortal, lambda fenced: None)  # type: ignore[arg-type]
        self.pulse = Pulse(3600)
        self.logs = Logs(self.mortal, self.commit, self.pulse)  # type: ignore[arg-type]

    # Writing.

    @rule(target=runs)
    def start(self) -> str:
        self.made += 1
        new = NewRun(
            run_id=f"run_{self.made}", chat_id=f"chat_{self.made}", new_chat=True, user="anna", key_id="k", title="t",
            request=b"{}", labels=b"{}", if_busy="enqueue", idempotency_key=None, digest=b"", max_live=0, now=1,
        )  # fmt: skip
        row = self.do(self.store.runs.create(new)).run
        told = self.told[row.id] = Told(row)
        told.writer = RunWriter(self.commit, self.logs.own(row), row.epoch)
        self._append(told, START)
        return row.id

    def _append(self, told: Told, event: Any) -> None:
        assert told.writer is not None
        told.writer.append(event)
        told.appended.append((told.writer.seq, told.writer.epoch, event.event))

    @rule(run=runs, count=st.integers(1, 40), size=st.sampled_from([1, 50, 3000]))
    def append(self, run: str, count: int, size: int) -> None:
        told = self.told[run]
        if told.writer is None or told.ended:
            return
        if told.writer.state is not RunState.TURN:
            self._append(told, START)
        for number in range(count):
            self._append(told, Content(text=f"{number} " * size, index=0))

    @rule(run=runs, count=st.integers(1, 200), size=st.sampled_from([1, 500]))
    def append_together(self, run: str, count: int, size: int) -> None:
        """As deltas that came in one read."""
        told = self.told[run]
        if told.writer is None or told.ended or told.writer.state is not RunState.TURN:
            return
        first = told.writer.seq + 1
        told.writer.append_deltas("content", codec.encode_texts([f"{n} " * size for n in range(count)], 0), count)
        assert told.writer.seq == first + count - 1
        told.appended += [(seq, told.writer.epoch, "content") for seq in range(first, first + count)]

    @rule(run=runs)
    def end(self, run: str) -> None:
        """A commit with an operation: durable and visible when it returns."""
        told = self.told[run]
        if told.writer is None or told.ended:
            return
        told.ended = True
        done = Done(message="End", status="cancelled")
        finish = FinishRun(told.row.no, "cancelled", 5, b"{}")
        self.do(told.writer.commit([done], [finish]))
        told.appended.append((told.writer.seq, told.writer.epoch, "done"))
        told.durable = told.writer.seq
        assert told.writer.log.visible == told.writer.seq
        assert told.writer.log.ended

    @rule()
    def flush(self) -> None:
        self.do(self.commit.flushed())
        for told in self.told.values():
            if told.writer is not None:
                assert told.writer.log.visible == told.writer.seq
                told.durable = told.writer.seq

    @rule(turns=st.integers(1, 5))
    def let_time_pass(self, turns: int) -> None:
        async def pass_() -> None:
            for _ in range(turns):
                await asyncio.sleep(0)

        self.do(pass_())

    # Reading.

    @rule(target=viewers, run=runs, data=st.data())
    def come(self, run: str, data: st.DataObject) -> Any:
        """Somebody reads a run from its start, or from an event of which it knows."""
        told = self.told[run]
        row = self.do(self.store.runs.get(run, "anna"))
        assert row is not None
        log = self.logs.log(row)
        seq = data.draw(st.integers(0, log.visible))
        stored = apart(self.do(self.store.log.read(told.row.no, 0, 1 << 24)))
        viewer = Viewer(row, stored[:seq], self.do(self._reader(log, seq)))
        self.all_viewers.append(viewer)
        return viewer

    async def _reader(self, log: RunLog, after: int) -> Reader:
        return self.logs.reader(log, after)

    @rule(viewer=viewers, pages=st.integers(1, 5))
    def read(self, viewer: Viewer, pages: int) -> None:
        reader = viewer.reader
        for _ in range(pages):
            if reader is None or reader.cursor >= reader.log.visible:
                return
            page = self.do(reader.next())
            assert isinstance(page, list)
            viewer.seen += apart(page)

    @rule(viewer=viewers)
    def leave(self, viewer: Viewer) -> None:
        if viewer.reader is not None:
            viewer.reader.close()
            viewer.reader = None

    @rule(viewer=viewers)
    def resume(self, viewer: Viewer) -> None:
        """With the id of the last event it saw: no kill may have taken that."""
        row = self.do(self.store.runs.get(viewer.run.id, "anna"))
        assert row is not None
        log = self.logs.log(row)
        last = viewer.seen[-1] if viewer.seen else None
        cursor = Cursor(row.id, last.epoch, last.seq) if last else Cursor.start(row.id)
        assert self.do(self.logs.holds(log, cursor)), f"{cursor} was seen and is gone"
        viewer.reader = self.do(self._reader(log, cursor.seq))

    @rule(run=runs)
    def a_cursor_of_another_epoch_is_a_gap(self, run: str) -> None:
        row = self.do(self.store.runs.get(run, "anna"))
        assert row is not None
        log = self.logs.log(row)
        if log.visible:
            assert not self.do(self.logs.holds(log, Cursor(run, 999, log.visible)))
        assert not self.do(self.logs.holds(log, Cursor(run, 1, log.visible + 1)))

    # Dying.

    @precondition(lambda self: self.lives < 6)
    @rule(orderly=st.booleans(), turns=st.integers(0, 3))
    def crash(self, orderly: bool, turns: int) -> None:
        """The process ends, at once or after a flush; the next one takes over what had not ended."""
        if orderly:
            self.flush()
        self.let_time_pass(turns) if turns else None
        self.do(self._die(orderly))
        for viewer in self.all_viewers:
            viewer.reader = None
        self.do(self.begin())
        for told in self.told.values():
            told.writer = None
        for row in self.do(self.store.runs.claim(1000)):
            told = self.told[row.id]
            told.row = row
            stored = apart(self.do(self.store.log.read(row.no, 0, 1 << 24)))
            told.appended = [(r.seq, r.epoch, r.event) for r in stored]
            state = RunState.NEW
            for r in stored:
                state = advance(state, r.event)
            told.writer = RunWriter(self.commit, self.logs.own(row), row.epoch, state)
            assert told.writer.seq == len(stored)
            self._append(told, Recovering(attempt=row.epoch - 1, reason="restarted"))

    async def _die(self, orderly: bool = True) -> None:
        self.mortal.dead = True
        await self.commit.stop()
        self.pulse.close()
        if orderly:
            await self.store.close()
        else:
            await killed(self.store)

    # What must hold, always.

    @invariant()
    def stored_is_a_prefix_of_what_was_appended_and_holds_all_that_is_durable(self) -> None:
        for told in self.told.values():
            stored = apart(at_once(self.store.log.read(told.row.no, 0, 1 << 24)))
            kept = [(r.seq, r.epoch, r.event) for r in stored]
            assert kept == told.appended[: len(kept)]
            assert [seq for seq, _, _ in kept] == list(range(1, len(kept) + 1))
            assert len(kept) >= told.durable
            if told.writer is not None:
                assert told.writer.log.visible <= len(kept), "something is visible that is not stored"

    @invariant()
    def every_viewer_saw_a_prefix_of_the_log(self) -> None:
        for viewer in self.all_viewers:
            stored = apart(at_once(self.store.log.read(viewer.run.no, 0, 1 << 24)))
            assert viewer.seen == stored[: len(viewer.seen)]

    def teardown(self) -> None:
        try:
            self.do(self._die())
        finally:
            self.loop.close()
            shutil.rmtree(self.folder)


TestLogMachine = LogMachine.TestCase
TestLogMachine.settings = settings(max_examples=30, stateful_step_count=25, deadline=None, derandomize=True)


def test_the_machine_notices_a_log_that_shows_before_it_stores(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control."""
    stores_first = GroupCommit.append

    def show_first(self: GroupCommit, log: RunLog, record: Record) -> None:
        log.visible = record.seq
        stores_first(self, log, record)

    monkeypatch.setattr(GroupCommit, "append", show_first)
    once = settings(max_examples=10, deadline=None, derandomize=True, database=None, phases=[Phase.generate])
    with pytest.raises(AssertionError, match="visible that is not stored"):
        run_state_machine_as_test(LogMachine, settings=once)
