"""The journal of SQLite's deltas: what a kill, a torn write, a full disk or a foreign file make of it."""

from __future__ import annotations

import asyncio
import errno
import os
from pathlib import Path
from typing import Any

import pytest
from log.books import apart
from oricode_service.store.port import Fenced, StoreUnavailable
from oricode_service.store.rows import Record
from oricode_service.store.sqlite import journal, open_store
from oricode_service.store.sqlite import log as log_module
from store.made import ended, finish, killed, message, records, started


async def stored(store: Any, run_no: int) -> list[Record]:
    return apart(await store.log.read(run_no, 0, 1 << 24))


def in_table(store: Any, run_no: int) -> list[tuple[int, bytes]]:
    """(seq, data) of the rows that are filed."""
    return list(store._reader.execute("select seq, data from event where run_no = ? order by seq", (run_no,)))


async def test_what_was_written_before_a_kill_is_there_for_the_next_process(tmp_path: Path) -> None:
    former = await open_store(tmp_path, "former")
    one, other = await started(former), await started(former)
    await former.log.append(records(one, 1, 3) + records(other, 1, 1))
    await former.log.append([Record(one.no, 6, 1, "content", b"a\nb\nc")])
    assert in_table(former, one.no) == []
    await killed(former)
    following = await open_store(tmp_path, "next")
    assert [r.data for r in await stored(following, one.no)][3:] == [b"a", b"b", b"c"]
    assert await stored(following, other.no) == records(other, 1, 1)
    assert (await following.runs.get(one.id, None)).last_seq == 6
    assert (await following.runs.claim(10))[0].last_seq == 6
    await following.close()


async def test_a_commit_files_what_its_run_has_in_the_journal_in_few_rows(tmp_path: Path) -> None:
    store = await open_store(tmp_path, "one")
    run, other = await started(store), await started(store)
    for seq in range(1, 51):
        await store.log.append(records(run, seq, seq) + records(other, seq, seq))
    await store.log.commit(records(run, 51, 51), [message(run)])
    assert [seq for seq, _ in in_table(store, run.no)] == [50, 51]
    assert in_table(store, other.no) == []
    assert await stored(store, run.no) == records(run, 1, 51)
    assert await stored(store, other.no) == records(other, 1, 50)
    await store.close()


async def test_a_kill_behind_a_commit_files_nothing_twice(tmp_path: Path) -> None:
    former = await open_store(tmp_path, "former")
    run = await started(former)
    await former.log.append(records(run, 1, 5))
    await former.log.commit(records(run, 6, 6), [message(run)])
    await former.log.append(records(run, 7, 8))
    await killed(former)
    following = await open_store(tmp_path, "next")
    assert await stored(following, run.no) == records(run, 1, 8)
    await following.close()


async def test_a_full_journal_is_filed_and_removed_while_writing_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_module, "JOURNAL_BYTES", 2_000)
    store = await open_store(tmp_path, "one")
    run = await started(store)
    for seq in range(1, 201):
        await store.log.append(records(run, seq, seq, size=100))
        if store.log._task is not None and not seq % 7:
            await store.log._task
    if store.log._task is not None:
        await store.log._task
    assert len(journal.files(tmp_path)) == 1
    assert len(in_table(store, run.no)) < 30
    assert await stored(store, run.no) == records(run, 1, 200, size=100)
    await killed(store)
    following = await open_store(tmp_path, "next")
    assert await stored(following, run.no) == records(run, 1, 200, size=100)
    await following.close()


@pytest.mark.parametrize("left", ["cut", "zeroed", "flipped"])
async def test_behind_an_entry_that_is_not_whole_nothing_is_read(tmp_path: Path, left: str) -> None:
    """As a power cut may leave it."""
    former = await open_store(tmp_path, "former")
    run = await started(former)
    await former.log.append(records(run, 1, 2))
    whole = former.log._journal.size
    await former.log.append(records(run, 3, 4))
    await former.log.append(records(run, 5, 6))
    await killed(former)
    (file,) = journal.files(tmp_path)
    content = bytearray(file.read_bytes())
    if left == "cut":
        del content[whole + 20 :]
    elif left == "zeroed":
        content[whole:] = bytes(len(content) - whole)
    else:
        content[whole + 30] ^= 1
    file.write_bytes(content)
    following = await open_store(tmp_path, "next")
    assert await stored(following, run.no) == records(run, 1, 2)
    await following.close()


async def test_events_behind_a_hole_are_not_filed(tmp_path: Path) -> None:
    """A power cut took the first file and not the second."""
    former = await open_store(tmp_path, "former")
    run = await started(former)
    await former.log.append(records(run, 1, 2))
    former.log._journal.turn()
    await former.log.append(records(run, 3, 4))
    await killed(former)
    journal.files(tmp_path)[0].unlink()
    following = await open_store(tmp_path, "next")
    assert await stored(following, run.no) == []
    await following.close()


async def test_the_journal_of_another_database_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "other").mkdir()
    for name in ("one", "other"):
        store = await open_store(tmp_path / name, name)
        run = await started(store)
        await store.log.append(records(run, 1, 2))
        await killed(store)
    (file,), (foreign,) = journal.files(tmp_path / "one"), journal.files(tmp_path / "other")
    os.replace(foreign, file)
    following = await open_store(tmp_path / "one", "next")
    assert await stored(following, run.no) == []
    assert [path.stat().st_size for path in journal.files(tmp_path / "one")] == [0]
    await following.close()


async def test_an_ended_run_gets_nothing_from_the_journal(tmp_path: Path) -> None:
    former = await open_store(tmp_path, "former")
    run = await started(former)
    await former.log.append(records(run, 1, 2))
    await former.log.commit(records(run, 3, 3), [finish(run)])
    await killed(former)
    following = await open_store(tmp_path, "next")
    assert await stored(following, run.no) == records(run, 1, 3)
    await following.close()


@pytest.mark.parametrize("trouble", ["refused", "short"])
async def test_what_the_disk_takes_in_part_is_written_again_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    store = await open_store(tmp_path, "one")
    run = await started(store)
    await store.log.append(records(run, 1, 2))
    write = os.pwrite

    def refusing(file: int, data: bytes, offset: int) -> int:
        if trouble == "refused":
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(file, data[:10], offset)

    with monkeypatch.context() as patched:
        patched.setattr(os, "pwrite", refusing)
        with pytest.raises(StoreUnavailable):
            await store.log.append(records(run, 3, 4))
    assert await stored(store, run.no) == records(run, 1, 2)
    await store.log.append(records(run, 3, 4))
    await killed(store)
    following = await open_store(tmp_path, "next")
    assert await stored(following, run.no) == records(run, 1, 4)
    await following.close()


async def test_what_cannot_be_filed_stays_in_the_journal_for_the_next_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    former = await open_store(tmp_path, "former")
    run = await started(former)
    await former.log.append(records(run, 1, 4))

    async def refused(*_: Any, **__: Any) -> None:
        raise StoreUnavailable("database or disk is full")

    monkeypatch.setattr(former.writer, "transact", refused)
    await former.close()
    following = await open_store(tmp_path, "next")
    assert await stored(following, run.no) == records(run, 1, 4)
    await following.close()


async def test_a_run_knows_its_last_event_as_soon_as_its_end_is_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also in the moment in which its deltas are filed and not yet forgotten."""
    store = await open_store(tmp_path, "one")
    run = await started(store)
    await store.log.append(records(run, 1, 5))
    transact, seen = store.writer.transact, []

    async def look(*given: Any, **options: Any) -> Any:
        value = await transact(*given, **options)
        seen.append(await store.runs.get(run.id, None))
        return value

    monkeypatch.setattr(store.writer, "transact", look)
    await ended(store, run, 6)
    (row,) = seen
    assert (row.status, row.last_seq) == ("completed", 6)
    await store.close()


async def test_a_place_that_is_taken_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    store = await open_store(tmp_path, "one")
    run = await started(store)
    await store.log.append(records(run, 1, 4))
    size = store.log._journal.size
    with pytest.raises(Fenced):
        await store.log.append(records(run, 4, 5))
    assert store.log._journal.size == size
    await store.close()


async def test_a_commit_that_nobody_waits_for_any_more_files_once(tmp_path: Path) -> None:
    store = await open_store(tmp_path, "one")
    run = await started(store)
    await store.log.append(records(run, 1, 5))
    commit = asyncio.create_task(store.log.commit(records(run, 6, 6), [message(run)]))
    await asyncio.sleep(0)
    commit.cancel()
    await asyncio.wait([commit])
    await store.close()
    following = await open_store(tmp_path, "next")
    assert await stored(following, run.no) == records(run, 1, 6)
    await following.close()
