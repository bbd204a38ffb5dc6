"""Runs, whatever the database."""

from __future__ import annotations

import asyncio

import pytest
from oricode_service.store.port import ChatBusy, ChatNotFound, KeyReused, TooManyRuns
from oricode_service.store.rows import LiveRow
from store.made import DAY, NOW, ended, finish, message, new_run, question, records, started, started_in

# Starting.


async def test_a_run_starts_with_its_chat(store):
    created = await store.runs.create(new_run(run_id="run_a", chat_id="chat_a", title="Hello"))
    assert created.fresh
    assert created.busy == ()
    run = created.run
    assert (run.id, run.chat_id, run.status, run.epoch, run.attempts, run.last_seq) == (
        "run_a", "chat_a", "running", 1, 0, 0,
    )  # fmt: skip
    assert (run.started_at, run.finished_at, run.cancel, run.trimmed) == (NOW, None, False, False)
    assert await store.runs.result(run.no) is None
    assert await store.runs.get("run_a", "anna") == run
    assert (await store.chats.get("anna", "chat_a")).title == "Hello"


async def test_a_foreign_run_is_not_there(store):
    run = await started(store)
    assert await store.runs.get(run.id, "bert") is None
    assert await store.runs.get("run_none", "anna") is None
    assert await store.runs.get(run.id, None) == run


async def test_a_chat_that_is_absent_or_foreign_cannot_be_continued(store):
    run = await started(store)
    with pytest.raises(ChatNotFound):
        await store.runs.create(new_run(chat_id="chat_none", new_chat=False))
    with pytest.raises(ChatNotFound):
        await store.runs.create(new_run(chat_id=run.chat_id, new_chat=False, user="bert"))


async def test_a_second_run_of_a_chat_waits_until_the_first_has_ended(store):
    first = await started(store)
    second = await store.runs.create(new_run(chat_id=first.chat_id, new_chat=False))
    assert (second.run.status, second.run.started_at, second.busy) == ("queued", None, (first,))
    assert await store.runs.try_start(second.run.no, NOW + 1) == 1
    await ended(store, first)
    assert await store.runs.try_start(second.run.no, NOW + 9) == 0
    row = await store.runs.get(second.run.id, "anna")
    assert (row.status, row.started_at) == ("running", NOW + 9)


async def test_the_queue_of_a_chat_is_in_order_of_arrival(store):
    first = await started(store)
    second, third = await started_in(store, first), await started_in(store, first)
    assert [await store.runs.try_start(run.no, NOW) for run in (third, second)] == [2, 1]
    await ended(store, first)
    assert [await store.runs.try_start(run.no, NOW) for run in (third, second)] == [1, 0]


async def test_starting_twice_keeps_the_first_time(store):
    first = await started(store)
    second = await started_in(store, first)
    await ended(store, first)
    await store.runs.try_start(second.no, NOW + 1)
    assert await store.runs.try_start(second.no, NOW + 2) == 0
    assert (await store.runs.get(second.id, None)).started_at == NOW + 1


async def test_a_busy_chat_can_refuse(store):
    first = await started(store)
    with pytest.raises(ChatBusy):
        await started_in(store, first, if_busy="reject")
    await ended(store, first)
    assert (await started_in(store, first, if_busy="reject")).status == "running"


async def test_interrupting_asks_the_runs_ahead_to_cancel(store):
    first = await started(store)
    await started_in(store, first, if_busy="interrupt")
    assert await store.runs.cancels() == [first.no]


async def test_a_key_has_only_so_many_live_runs(store):
    one = await started(store, max_live=2)
    await started(store, max_live=2)
    with pytest.raises(TooManyRuns):
        await started(store, max_live=2)
    assert (await started(store, max_live=2, key_id="key_2")).status == "running"
    await ended(store, one)
    assert (await started(store, max_live=2)).status == "running"


async def test_of_many_starts_at_once_only_as_many_succeed_as_the_key_may_have(store):
    outcomes = await asyncio.gather(*(started(store, max_live=3) for _ in range(8)), return_exceptions=True)
    assert sum(isinstance(outcome, TooManyRuns) for outcome in outcomes) == 5
    assert len(await store.runs.live()) == 3


# Starting again.


async def test_the_same_key_and_body_find_the_run_again(store):
    first = await store.runs.create(new_run(idempotency_key="k", digest=b"1"))
    again = await store.runs.create(new_run(idempotency_key="k", digest=b"1", now=NOW + DAY - 1))
    assert (again.fresh, again.run) == (False, first.run)


async def test_the_same_key_with_another_body_is_refused(store):
    await started(store, idempotency_key="k", digest=b"1")
    with pytest.raises(KeyReused):
        await started(store, idempotency_key="k", digest=b"2")


async def test_keys_of_two_users_do_not_meet(store):
    await started(store, idempotency_key="k", digest=b"1")
    assert (await store.runs.create(new_run(idempotency_key="k", digest=b"2", user="bert"))).fresh


async def test_whether_a_key_began_a_run_can_be_asked_beforehand(store):
    assert not await store.runs.began("anna", "k", NOW)
    await started(store, idempotency_key="k", digest=b"1")
    assert await store.runs.began("anna", "k", NOW + DAY - 1)
    assert not await store.runs.began("anna", "k", NOW + DAY)
    assert not await store.runs.began("bert", "k", NOW)
    assert not await store.runs.began("anna", "nul\0 and \ud800", NOW)


async def test_a_key_is_forgotten_after_a_day(store):
    await started(store, idempotency_key="k", digest=b"1")
    assert (await store.runs.create(new_run(idempotency_key="k", digest=b"2", now=NOW + DAY))).fresh


async def test_a_refused_start_does_not_use_its_key_up(store):
    first = await started(store)
    with pytest.raises(ChatBusy):
        await started_in(store, first, if_busy="reject", idempotency_key="k", digest=b"1")
    assert (await store.runs.create(new_run(idempotency_key="k", digest=b"2"))).fresh


async def test_of_many_equal_starts_at_once_one_makes_the_run_and_all_find_it(store):
    made = await asyncio.gather(*(store.runs.create(new_run(idempotency_key="k", digest=b"1")) for _ in range(6)))
    assert sum(created.fresh for created in made) == 1
    assert len({created.run.id for created in made}) == 1
    assert len(await store.runs.live()) == 1


async def test_an_idempotency_key_may_hold_any_printable_text(store):
    for key in ("ключ", "a b", "😀", "'; drop table run; --"):
        first = await store.runs.create(new_run(idempotency_key=key))
        assert (await store.runs.create(new_run(idempotency_key=key))).run == first.run


# Taking over.


async def test_a_crashed_process_s_runs_are_claimed_with_a_higher_epoch_and_counted(place):
    dead = await place.open()
    run = await started(dead)
    await dead.log.append(records(run, 1, 3))
    await place.crash(dead)
    heir = await place.open()
    (taken,) = await heir.runs.claim(10)
    assert (taken.id, taken.epoch, taken.attempts, taken.last_seq) == (run.id, 2, 1, 3)
    assert await heir.runs.claim(10) == []
    await heir.close()


async def test_released_runs_are_claimed_at_once_and_not_counted_as_crashes(place):
    leaving = await place.open()
    run = await started(leaving)
    await leaving.runs.release([run.no])
    await leaving.close()
    heir = await place.open()
    (taken,) = await heir.runs.claim(10)
    assert (taken.id, taken.epoch, taken.attempts) == (run.id, 2, 0)
    await heir.close()


async def test_own_and_ended_runs_are_not_claimed(store):
    await started(store)
    await ended(store, await started(store))
    assert await store.runs.claim(10) == []


async def test_claims_are_limited_and_go_on(place):
    dead = await place.open()
    runs = [await started(dead) for _ in range(5)]
    await place.crash(dead)
    heir = await place.open()
    parts = [await heir.runs.claim(2) for _ in range(4)]
    assert [len(part) for part in parts] == [2, 2, 1, 0]
    assert {run.no for part in parts for run in part} == {run.no for run in runs}
    await heir.close()


# Orders.


async def test_a_cancel_is_asked_for_once(store):
    run = await started(store)
    assert await store.runs.cancels() == []
    assert await store.runs.request_cancel(run.no)
    assert not await store.runs.request_cancel(run.no)
    assert await store.runs.cancels() == [run.no]
    assert (await store.runs.get(run.id, None)).cancel


async def test_an_ended_run_cannot_be_cancelled(store):
    run = await started(store)
    await ended(store, run)
    assert not await store.runs.request_cancel(run.no)
    assert await store.runs.cancels() == []


async def test_the_first_answer_counts(store):
    run = await started(store)
    await store.log.commit(records(run, 1, 1), [question(run)])
    assert await store.runs.answer(run.no, "call_1", "tool", b'{"a":1}', "anna", NOW) == "accepted"
    assert await store.runs.answer(run.no, "call_1", "tool", b'{"a":2}', "bert", NOW) == "already"
    (asked,) = await store.runs.pending(run.no)
    assert (asked.answer, asked.answered_by, asked.closed, asked.question) == (b'{"a":1}', "anna", False, b'{"q":1}')


async def test_of_two_answers_at_once_one_is_accepted(store):
    run = await started(store)
    await store.log.commit(records(run, 1, 1), [question(run)])
    said = await asyncio.gather(
        *(store.runs.answer(run.no, "call_1", "tool", b"%d" % n, "anna", NOW) for n in range(5))
    )
    assert sorted(said) == ["accepted"] + ["already"] * 4


@pytest.mark.parametrize(
    ("key", "kind", "at"), [("call_2", "tool", NOW), ("call_1", "approval", NOW), ("call_1", "tool", NOW + 1000)]
)
async def test_what_was_not_asked_or_is_past_its_deadline_cannot_be_answered(store, key, kind, at):
    run = await started(store)
    await store.log.commit(records(run, 1, 1), [question(run)])
    assert await store.runs.answer(run.no, key, kind, b"{}", "anna", at) == "absent"


async def audited(store) -> list[tuple]:
    sql = "select at, \"user\", action, detail from audit where action like 'approval.%'"
    found = await store._pool.all(sql) if hasattr(store, "_pool") else store._reader.execute(sql)
    return [tuple(row) for row in found]


async def test_an_answer_that_counts_is_in_the_audit_log_and_no_other(store):
    run = await started(store)
    await store.log.commit(records(run, 1, 1), [question(run)])
    said = await asyncio.gather(
        *(
            store.runs.answer(run.no, "call_1", "tool", b"{}", f"user{n}", NOW, (f"approval.{n}", b'{"a":1}'))
            for n in range(5)
        )
    )
    counts = said.index("accepted")
    assert await audited(store) == [(NOW, f"user{counts}", f"approval.{counts}", b'{"a":1}')]


async def test_the_questions_of_an_ended_run_are_closed(store):
    run = await started(store)
    await store.log.commit(records(run, 1, 1), [question(run)])
    await store.log.commit(records(run, 2, 2), [finish(run)])
    assert await store.runs.answer(run.no, "call_1", "tool", b"{}", "anna", NOW) == "absent"


# What a run has said.


async def test_messages_of_a_run_and_the_history_before_it_are_in_order(store):
    first = await started(store)
    await store.log.commit(records(first, 1, 1), [message(first, "user", b"1"), message(first, content=b"2")])
    await ended(store, first, 2)
    second = await started_in(store, first)
    await store.log.commit(records(second, 1, 1), [message(second, "user", b"3", turn=0)])
    await store.log.commit(records(second, 2, 2), [message(second, "tool", b"4", turn=1, key="call_9")])
    assert [m.content for m in await store.runs.history(first.chat_no, second.no)] == [b"1", b"2"]
    own = await store.runs.messages(second.no)
    assert [(m.role, m.content, m.turn, m.key, m.run_no, m.meta) for m in own] == [
        ("user", b"3", 0, "", second.no, b'{"m":1}'),
        ("tool", b"4", 1, "call_9", second.no, b'{"m":1}'),
    ]


# Retention.


async def test_old_events_are_deleted_and_messages_stay(store):
    run, live = await started(store), await started(store)
    await store.log.commit(records(run, 1, 3), [message(run)])
    await ended(store, run, 4)
    await store.log.append(records(live, 1, 2))
    assert await store.runs.sweep(NOW + 5 + DAY - 1, DAY) == 0
    assert await store.runs.sweep(NOW + 5 + DAY, DAY) == 1
    assert await store.runs.sweep(NOW + 5 + DAY, DAY) == 0
    row = await store.runs.get(run.id, None)
    assert (row.trimmed, row.last_seq, row.status) == (True, 4, "completed")
    assert await store.log.read(run.no, 0, 1000) == []
    assert len(await store.runs.messages(run.no)) == 1
    assert await store.log.read(live.no, 0, 1000) == records(live, 1, 2)


async def test_a_sweep_is_a_bounded_piece_of_work(store):
    for _ in range(25):
        await ended(store, await started(store))
    first = await store.runs.sweep(NOW + 2 * DAY, DAY)
    assert 0 < first < 25
    assert first + await store.runs.sweep(NOW + 2 * DAY, DAY) == 25


# Reports and feedback.


async def test_live_runs_are_those_that_have_not_ended(store):
    one, other = await started(store), await started(store)
    await ended(store, one)
    assert await store.runs.live() == [other]
    assert await store.runs.live(other.chat_no) == [other]
    assert await store.runs.live(other.chat_no + 100) == []


async def test_an_operator_sees_how_many_runs_are_live_and_the_oldest_of_them(store):
    assert await store.reports.live(10) == (0, [])
    runs = [await started(store, now=NOW + number) for number in range(3)]
    await ended(store, runs[0])
    expected = [LiveRow(run.id, "anna", "running", b"{}", run.created_at) for run in runs[1:]]
    assert await store.reports.live(10) == (2, expected)
    assert await store.reports.live(1) == (2, expected[:1])


@pytest.mark.parametrize("comment", ["nice", None, "with a \0 in it", "half an emoji \ud83d"])
async def test_the_last_rating_counts_whatever_is_said_with_it(store, comment):
    run = await started(store)
    await store.runs.set_feedback(run.no, "down", "slow", NOW)
    await store.runs.set_feedback(run.no, "up", comment, NOW)
    (row,) = await store.reports.runs(NOW, NOW + 1)
    assert (row.rating, row.status, row.created_at) == ("up", "running", NOW)


# Labels.


async def test_labels_are_replaced_only_while_they_are_what_one_read(store):
    run = await started(store)
    assert await store.runs.relabel(run.no, run.labels, b'{"watched":"yes"}')
    assert not await store.runs.relabel(run.no, run.labels, b'{"watched":"no"}')
    assert (await store.runs.get(run.id, "anna")).labels == b'{"watched":"yes"}'
    assert not await store.runs.relabel(run.no + 1, run.labels, b"{}")
