"""SQLite given to the next process: what comes after it is refused at once, what is read goes on."""

from __future__ import annotations

import asyncio

import pytest
from log.books import apart
from oricode_service.store.port import StoreUnavailable
from oricode_service.store.sqlite import DataDirectoryUnusable, open_store, recovery, writer
from oricode_service.store.sqlite.database import connect
from store.made import message, new_run, records


async def test_a_write_after_the_store_was_given_up_is_refused_and_does_not_hang(tmp_path):
    former = await open_store(tmp_path, "former")
    run = (await former.runs.create(new_run())).run
    await former.give_up()
    async with asyncio.timeout(10):
        with pytest.raises(StoreUnavailable):
            await former.runs.create(new_run(run_id="run_late"))
        with pytest.raises(StoreUnavailable):
            await former.runs.release([run.no])
    await former.close()


async def test_the_former_process_reads_the_steps_that_the_next_one_commits(tmp_path):
    """Deltas come with the step that they belong to: only JSON answers stay in a former process."""
    former = await open_store(tmp_path, "former")
    run = (await former.runs.create(new_run())).run
    await former.runs.release([run.no])
    await former.give_up()
    following = await open_store(tmp_path, "next")
    (taken,) = await following.runs.claim(10)
    await following.log.append(records(taken, 1, 2))
    await following.log.commit(records(taken, 3, 3), [message(taken)])
    seen = await former.log.read(run.no, 0, 1 << 20)
    assert [(record.epoch, record.seq) for record in apart(seen)] == [(2, 1), (2, 2), (2, 3)]
    async with asyncio.timeout(10):
        assert await anext(former.log.watch()) is None, "there is a reason to look again"
    await former.close()
    await following.close()


async def test_a_store_whose_disk_refuses_at_the_end_is_free_for_the_next_process(tmp_path, monkeypatch):
    former = await open_store(tmp_path, "former")
    run = (await former.runs.create(new_run())).run
    await former.log.append(records(run, 1, 2))
    former.writer.suspect = True

    def refuse(*_):
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(writer, "rewrite", refuse)
        await former.give_up()
    following = await open_store(tmp_path, "next")
    assert (await following.runs.get(run.id, None)).last_seq == 2
    await former.close()
    await following.close()


async def test_the_next_process_does_not_wait_for_a_backup_that_reads(tmp_path):
    """SQLite itself would wait as long as for a lock: five seconds in which nobody is served."""
    former = await open_store(tmp_path, "former")
    run = (await former.runs.create(new_run())).run
    backup = connect(tmp_path, read_only=True)
    backup.execute("begin")
    assert backup.execute("select count(*) from run").fetchone() == (1,)
    await former.log.append(records(run, 1, 2))
    async with asyncio.timeout(2):
        await former.give_up()
    following = await open_store(tmp_path, "next")
    assert (await following.runs.get(run.id, None)).last_seq == 2
    backup.close()
    await former.close()
    await following.close()


async def test_a_start_that_fails_leaves_the_folder_free(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(recovery, "recover", refuse)
        with pytest.raises(DataDirectoryUnusable, match="Input/output"):
            await open_store(tmp_path, "first")
    second = await open_store(tmp_path, "second")
    await second.close()
