"""A WAL in doubt: nothing is written behind it before all of it was written again, and nobody hangs meanwhile.

What it is good for is shown by power cuts (``tests/faults/test_power_loss.py``).
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from log.books import apart
from oricode_service.store.port import StoreUnavailable
from oricode_service.store.sqlite import journal, mending, open_store, writer
from store.made import killed, message, records, started

PATIENCE = 10


class Disk:
    """Stands before the real mending; refuses until told otherwise."""

    def __init__(self) -> None:
        self.works = False
        self.asked = 0

    def rewrite(self, db: object, wal: Path) -> None:
        self.asked += 1
        if not self.works:
            raise OSError("the disk refuses")
        mending.rewrite(db, wal)  # type: ignore[arg-type]


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    made = Disk()
    monkeypatch.setattr(writer, "rewrite", made.rewrite)
    return made


async def test_while_the_disk_refuses_everything_is_refused_and_then_it_heals(tmp_path: Path, disk: Disk) -> None:
    store = await open_store(tmp_path, "owner")
    run = await started(store)
    store.writer.suspect = True
    async with asyncio.timeout(PATIENCE):
        for _ in range(2):
            with pytest.raises(StoreUnavailable, match="refuses"):
                await store.log.append(records(run, 1, 1))
            with pytest.raises(StoreUnavailable, match="refuses"):
                await store.log.commit(records(run, 1, 1), [])
            assert not await store.healthy()
        assert await store.log.read(run.no, 0, 1000) == []
        disk.works = True
        await store.log.append(records(run, 1, 1))
        asked = disk.asked
        await store.log.commit(records(run, 2, 2), [])
        assert [record.seq for record in await store.log.read(run.no, 0, 1000)] == [1, 2]
        assert disk.asked == asked, "once is enough"
        await store.close()


async def test_a_long_outage_does_not_fill_the_folder_with_journals(tmp_path: Path, disk: Disk) -> None:
    store = await open_store(tmp_path, "owner")
    run = await started(store)
    await store.log.append(records(run, 1, 1))
    store.writer.suspect = True
    for _ in range(20):
        with pytest.raises(StoreUnavailable, match="refuses"):
            await store.log.append(records(run, 2, 2))
    assert len(journal.files(tmp_path)) == 2
    disk.works = True
    await store.log.append(records(run, 2, 2))
    assert len(journal.files(tmp_path)) == 1
    await killed(store)
    following = await open_store(tmp_path, "next")
    assert apart(await following.log.read(run.no, 0, 1 << 20)) == records(run, 1, 2)
    await following.close()


async def test_mending_changes_no_byte_and_shows_nobody_anything_else(tmp_path: Path) -> None:
    store = await open_store(tmp_path, "owner")
    run = await started(store)
    await store.log.commit(records(run, 1, 200), [])
    wal = tmp_path / "oricode.db-wal"
    before = wal.read_bytes()
    assert len(before) > 4096
    mending.rewrite(store.writer._db, wal)
    assert wal.read_bytes() == before
    assert not store.writer._db.in_transaction
    assert len(await store.log.read(run.no, 0, 1 << 20)) == 200
    await store.close()


async def test_a_disk_that_still_refuses_leaves_no_transaction_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = await open_store(tmp_path, "owner")
    run = await started(store)

    def refuse(descriptor: int) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", refuse)
        with pytest.raises(OSError, match="Input/output"):
            mending.rewrite(store.writer._db, tmp_path / "oricode.db-wal")
    async with asyncio.timeout(PATIENCE):
        await store.log.append(records(run, 1, 1))
    await store.close()


async def test_a_flush_that_is_given_up_while_the_journal_is_mended_files_once(tmp_path: Path) -> None:
    """The process ends before the slow disk has answered."""
    former = await open_store(tmp_path, "former")
    run = await started(former)
    await former.log.append(records(run, 1, 4))
    former.writer.suspect = True
    flush = asyncio.create_task(former.log.append(records(run, 5, 5)))
    while former.writer._drain is None:
        await asyncio.sleep(0)
    flush.cancel()
    await asyncio.wait([flush])
    await former.close()
    following = await open_store(tmp_path, "next")
    assert apart(await following.log.read(run.no, 0, 1 << 20)) == records(run, 1, 4)
    await following.close()


def interrupt(reader: sqlite3.Connection, on: bool) -> None:
    reader.set_progress_handler((lambda: 1) if on else None, 1)


def forbid(reader: sqlite3.Connection, on: bool) -> None:
    reader.set_authorizer((lambda *_: sqlite3.SQLITE_DENY) if on else None)


@pytest.mark.parametrize("trouble", [interrupt, forbid])
async def test_what_cannot_be_read_is_unavailable_like_what_cannot_be_written(
    tmp_path: Path, trouble: Callable[[sqlite3.Connection, bool], None]
) -> None:
    """Not a bug of whoever asked: the group commit tries again, requests are answered 503."""
    former = await open_store(tmp_path, "former")
    run = await started(former)
    await former.log.commit(records(run, 1, 3), [message(run)])
    await former.close()
    store = await open_store(tmp_path, "next")
    (taken,) = await store.runs.claim(1)
    trouble(store._reader, True)
    with pytest.raises(StoreUnavailable):
        await store.log.append(records(taken, 4, 4))
    with pytest.raises(StoreUnavailable):
        await store.log.read(run.no, 0, 1 << 20)
    with pytest.raises(StoreUnavailable):
        await store.log.epoch_of(run.no, 1)
    with pytest.raises(StoreUnavailable):
        await store.runs.get(run.id, None)
    trouble(store._reader, False)
    await store.log.append(records(taken, 4, 4))
    assert [record.seq for record in await store.log.read(run.no, 0, 1 << 20)] == [1, 2, 3, 4]
    await store.close()
