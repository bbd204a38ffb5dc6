"""Chats, whatever the database."""

from __future__ import annotations

import pytest
from oricode_service.store.rows import MessageRow
from store.made import NOW, ended, message, records, started, started_in

SAID = [
    MessageRow(None, 0, "user", "", b'"hi"', NOW - 20, b"{}"),
    MessageRow(None, 0, "assistant", "", b"[]", NOW - 10, b'{"imported":true}'),
]


async def test_a_user_s_chats_are_listed_latest_first_in_pages(store):
    for number in range(5):
        await started(store, chat_id=f"c{number}", now=NOW + number)
    await started(store, chat_id="foreign", user="bert")
    page = await store.chats.page("anna", 3, None)
    assert [chat.id for chat in page] == ["c4", "c3", "c2"]
    assert [chat.id for chat in await store.chats.page("anna", 3, (page[-1].updated_at, page[-1].no))] == ["c1", "c0"]


async def test_a_chat_names_its_live_run(store):
    run = await started(store)
    assert (await store.chats.get("anna", run.chat_id)).live_run == run.id
    await ended(store, run)
    chat = await store.chats.get("anna", run.chat_id)
    assert (chat.live_run, chat.updated_at) == (None, NOW + 5)


@pytest.mark.parametrize("chat_id", ["none", "", "with\0nul", "\ud83d", "x" * 5000])
async def test_absent_foreign_and_odd_names_look_alike(store, chat_id):
    await started(store, chat_id="theirs", user="bert")
    for name in (chat_id, "theirs"):
        assert await store.chats.get("anna", name) is None
        assert not await store.chats.rename("anna", name, "x")
        assert not await store.chats.delete("anna", name)
    assert (await store.chats.get("bert", "theirs")).title == "A title"


async def test_a_chat_is_renamed(store):
    run = await started(store)
    assert await store.chats.rename("anna", run.chat_id, "Größe ✓")
    assert (await store.chats.get("anna", run.chat_id)).title == "Größe ✓"


async def test_messages_are_paged_oldest_first_with_the_run_they_belong_to(store):
    run = await started(store)
    await store.log.commit(records(run, 1, 1), [message(run, content=b"%d" % n) for n in range(5)])
    first = await store.chats.messages(run.chat_no, 0, 3)
    assert [(m.content, run_id) for _, m, run_id in first] == [(b"0", run.id), (b"1", run.id), (b"2", run.id)]
    assert [m.content for _, m, _ in await store.chats.messages(run.chat_no, first[-1][0], 3)] == [b"3", b"4"]


async def test_a_deleted_chat_is_gone_with_all_its_runs(store):
    run = await started(store, idempotency_key="k")
    await store.log.commit(records(run, 1, 1), [message(run)])
    await ended(store, run, 2)
    kept = await started(store)
    await store.log.append(records(kept, 1, 1))
    assert await store.chats.delete("anna", run.chat_id)
    assert await store.chats.get("anna", run.chat_id) is None
    assert await store.runs.get(run.id, None) is None
    assert await store.log.read(run.no, 0, 1000) == []
    assert await store.runs.messages(run.no) == []
    assert (await started(store, idempotency_key="k", digest=b"other")).status == "running"
    assert await store.log.read(kept.no, 0, 1000) == records(kept, 1, 1)


async def test_a_chat_with_a_live_run_is_not_deleted(store):
    run = await started(store)
    assert not await store.chats.delete("anna", run.chat_id)
    await ended(store, run)
    waiting = await started_in(store, run)
    assert not await store.chats.delete("anna", run.chat_id)
    assert (await store.runs.get(waiting.id, None)).id == waiting.id


async def test_a_chat_from_elsewhere_can_be_continued(store):
    assert await store.chats.add("anna", "imported", "Old talk", SAID, NOW)
    chat = await store.chats.get("anna", "imported")
    assert (chat.title, chat.created_at, chat.updated_at) == ("Old talk", NOW - 20, NOW - 10)
    assert [m for _, m, _ in await store.chats.messages(chat.no, 0, 10)] == SAID
    run = await started(store, chat_id="imported", new_chat=False)
    assert await store.runs.history(chat.no, run.no) == SAID


async def test_an_imported_chat_does_not_replace_one(store):
    run = await started(store)
    assert not await store.chats.add("anna", run.chat_id, "x", [], NOW)
    assert await store.chats.add("anna", "empty", "x", [], NOW)
