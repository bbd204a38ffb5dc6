"""The service with one safeguard taken away: every fault test has a control that must fail.

``python -m bench.faults.sabotage NAME serve …`` patches the running code, never the files, and hands over to the
command line. Nothing of the service imports this.
"""

from __future__ import annotations

import asyncio
import dataclasses
import sys
from collections.abc import Callable
from typing import Any


def publish_before_commit() -> None:
    """Show events to viewers before the store has them."""
    from oricode_service.log import commit

    save, publish = commit.GroupCommit._save, commit._publish

    async def late(self: Any, records: Any, ops: Any) -> None:
        if records:
            logs = {record[0]: self._seen[record[0]] for record in records}
            publish(records, logs)
        await asyncio.sleep(0.15)
        await save(self, records, ops)

    append, durable = commit.GroupCommit.append, commit.GroupCommit.commit

    def remember(self: Any, log: Any, record: Any) -> None:
        self.__dict__.setdefault("_seen", {})[log.run_no] = log
        append(self, log, record)

    async def remember_durable(self: Any, log: Any, *rest: Any) -> None:
        self.__dict__.setdefault("_seen", {})[log.run_no] = log
        await durable(self, log, *rest)

    commit.GroupCommit._save = late  # type: ignore[method-assign]
    commit.GroupCommit.append = remember  # type: ignore[method-assign]
    commit.GroupCommit.commit = remember_durable  # type: ignore[method-assign]
    commit._publish = lambda records, logs: None


def no_ledger() -> None:
    """Forget which effects were begun: call again after a crash."""
    from oricode_service.store.sqlite import operations, runs

    async def nothing(self: Any, key: str) -> None:
        return None

    apply = operations.apply
    runs.SqliteRuns.effect = nothing  # type: ignore[method-assign,assignment]

    def without(db: Any, records: Any, ops: Any) -> None:
        apply(db, records, [op for op in ops if type(op).__name__ != "StartEffect"])

    operations.apply = without


def resume_from_start() -> None:
    """Take no notice of a cursor."""
    from oricode_service.log import hub

    reader = hub.Logs.reader
    hub.Logs.reader = lambda self, log, after: reader(self, log, 0)  # type: ignore[method-assign]


def same_attempt() -> None:
    """Call a half-streamed turn again without voiding what it showed."""
    from oricode_service.engine import turn

    start = turn.Turn._start

    def quiet(self: Any, model: str) -> None:
        if self._attempt == 1:
            start(self, model)

    turn.Turn._start = quiet  # type: ignore[method-assign]


def no_recovery() -> None:
    """Leave unfinished runs alone after a restart."""
    from oricode_service.engine import runs

    async def nothing(self: Any, reason: str) -> int:
        return 0

    runs.Engine.recover = nothing  # type: ignore[method-assign]


def no_idempotency() -> None:
    """Start a run for every POST."""
    from oricode_service.store.sqlite import runs

    create = runs._create
    runs._create = lambda db, new, owner: create(db, dataclasses.replace(new, idempotency_key=None), owner)


def two_ends() -> None:
    """End every run twice."""
    from oricode_service.log import writer
    from oricode_service.store.rows import Record

    commit = writer.RunWriter.commit

    async def twice(self: Any, events: Any, *rest: Any) -> None:
        await commit(self, events, *rest)
        if events and events[-1].event == "done":
            from oricode_protocol import codec

            self.seq += 1
            record = Record(self.log.run_no, self.seq, self.epoch, "done", codec.encode(events[-1]))
            await self._commit.commit(self.log, [record], [])

    writer.RunWriter.commit = twice  # type: ignore[method-assign]


def no_fsync() -> None:
    """Never wait for the disk: steps and effects can be lost to a power cut."""
    from oricode_service.store.sqlite import writer

    start = writer.Writer.__init__

    def quick(self: Any, data_dir: Any) -> None:
        start(self, data_dir)
        self.durable = False

    writer.Writer.__init__ = quick  # type: ignore[method-assign]


def small_journal() -> None:
    """No sabotage: file deltas all the time, without an fsync, so that a failed one has something to lose."""
    from oricode_service.store.sqlite import log

    log.JOURNAL_BYTES = 0


def no_mending() -> None:
    """Take the next fsync's word after one has failed."""
    from oricode_service.store.sqlite import writer

    small_journal()
    writer.FSYNC_FAILED = ()  # type: ignore[assignment]


def unbound_approvals() -> None:
    """Let an approval stand for whatever the call's input names by the time it runs."""
    from oricode_service.tools import registry

    async def nothing(self: Any, call: Any, name: str) -> None:
        return None

    registry.Registry.subject = nothing  # type: ignore[method-assign]


SAFEGUARDS: dict[str, Callable[[], None]] = {
    function.__name__.replace("_", "-"): function
    for function in (
        publish_before_commit, no_ledger, resume_from_start, same_attempt, no_recovery, no_idempotency,
        two_ends, no_fsync, small_journal, no_mending, unbound_approvals,
    )
}  # fmt: skip


if __name__ == "__main__":
    SAFEGUARDS[sys.argv.pop(1)]()
    from oricode_service.cli import main

    main()
