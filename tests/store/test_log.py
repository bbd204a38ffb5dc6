"""The logs, whatever the database."""

from __future__ import annotations

import pytest
from log.books import apart
from oricode_service.store.port import Fenced, Store
from oricode_service.store.rows import FRAME_BYTES, FinishEffect, Record, StartEffect
from store.made import NOW, ended, finish, message, question, records, started


async def all_of(store: Store, run_no: int) -> list[Record]:
    found: list[Record] = []
    while page := await store.log.read(run_no, found[-1].seq if found else 0, 1000):
        found += page
    return found


async def test_events_come_back_byte_for_byte_in_order(store):
    run = await started(store)
    odd = [b'{"text":"\xc3\xa9\xe2\x82\xac"}', b'{"text":"\\u0000"}', b"\x00\xff any bytes", b""]
    written = [Record(run.no, seq, 1, "content", data) for seq, data in enumerate(odd, start=1)]
    await store.log.append(written[:2])
    await store.log.append(written[2:])
    assert await all_of(store, run.no) == written


async def test_events_that_were_written_together_are_each_a_place_to_go_on_from(store):
    run = await started(store)
    await store.log.append([Record(run.no, 1, 1, "message_start", b"{}"), Record(run.no, 4, 1, "content", b"b\nc\nd")])
    await store.log.append([Record(run.no, 6, 2, "content", b"e\nf")])
    for after, rest in enumerate(["{}bcdef", "bcdef", "cdef", "def", "ef", "f"]):
        found = await store.log.read(run.no, after, 1000)
        assert found[0].first == after + 1
        assert b"".join(data for record in found for data in record.datas()) == rest.encode()
    assert [await store.log.epoch_of(run.no, seq) for seq in range(1, 8)] == [1, 1, 1, 1, 2, 2, None]


async def test_one_flush_holds_events_of_many_runs(store):
    runs = [await started(store) for _ in range(3)]
    await store.log.append([record for run in runs for record in records(run, 1, 4)])
    for run in runs:
        assert await all_of(store, run.no) == records(run, 1, 4)


async def test_a_page_ends_near_the_size_that_was_asked_for_and_the_next_one_goes_on_behind_it(store):
    run = await started(store)
    await store.log.append(records(run, 1, 50, size=100))
    page = await store.log.read(run.no, 0, 1000)
    assert 1 <= len(page) < 20
    assert (await store.log.read(run.no, page[-1].seq, 1000))[0].seq == page[-1].seq + 1
    assert await all_of(store, run.no) == records(run, 1, 50, size=100)


async def test_the_frames_of_tiny_events_count_and_a_page_may_end_inside_of_a_record(store):
    run = await started(store)
    together = [Record(run.no, (part + 1) * 50, 1, "content", b"\n".join([b"x"] * 50)) for part in range(4)]
    await store.log.append(together)
    found: list[int] = []
    while page := await store.log.read(run.no, len(found), 3000):
        events = [seq for record in page for seq in range(record.first, record.seq + 1)]
        assert len(events) * FRAME_BYTES <= 3000, "by their data alone all 200 would be in one page"
        assert len(events) > 20 or len(found) + len(events) == 200
        found += events
    assert found == list(range(1, 201))


async def test_a_page_has_an_event_however_large_it_is(store):
    run = await started(store)
    await store.log.append(records(run, 1, 2, size=100_000))
    assert len(await store.log.read(run.no, 0, 10)) == 1


async def test_behind_the_last_event_there_is_nothing(store):
    run = await started(store)
    await store.log.append(records(run, 1, 3))
    assert await store.log.read(run.no, 3, 1000) == []
    assert await store.log.read(run.no, 99, 1000) == []


async def test_the_epoch_of_an_event_is_known(store):
    run = await started(store)
    await store.log.append([Record(run.no, 1, 1, "content", b""), Record(run.no, 2, 7, "content", b"")])
    assert [await store.log.epoch_of(run.no, seq) for seq in (1, 2, 3)] == [1, 7, None]


async def test_the_tails_of_several_logs_come_in_one_read(store):
    one, other, quiet = [await started(store) for _ in range(3)]
    await store.log.append(records(one, 1, 5) + records(other, 1, 3) + records(quiet, 1, 1))
    found = await store.log.tail({one.no: 3, other.no: 0, quiet.no: 1})
    assert sorted(found) == sorted(records(one, 4, 5) + records(other, 1, 3))


async def test_a_long_tail_comes_in_parts_without_holes(store):
    run = await started(store)
    await store.log.append(records(run, 1, 2000))
    seen: list[Record] = []
    while found := await store.log.tail({run.no: len(seen)}):
        seen += found
    assert seen == records(run, 1, 2000)


async def test_events_of_another_epoch_in_the_same_places_mean_that_this_process_was_taken_over(store):
    run = await started(store)
    await store.log.append([record._replace(epoch=2) for record in records(run, 1, 2)])
    with pytest.raises(Fenced):
        await store.log.append(records(run, 2, 3))
    assert [record.epoch for record in await all_of(store, run.no)] == [2, 2]


async def test_a_refused_flush_leaves_nothing_of_itself(store):
    one, other = await started(store), await started(store)
    await store.log.append([Record(one.no, 1, 9, "content", b"")])
    with pytest.raises(Fenced):
        await store.log.append(records(other, 1, 3) + records(one, 1, 1))
    assert await all_of(store, other.no) == []


async def test_a_commit_stores_events_and_operations_together(store):
    run = await started(store)
    ops = [message(run), StartEffect(run.no, "effect_1", NOW), question(run)]
    await store.log.commit(records(run, 1, 2), ops)
    assert await all_of(store, run.no) == records(run, 1, 2)
    assert [m.content for m in await store.runs.messages(run.no)] == [b"[]"]
    effect = await store.runs.effect("effect_1")
    assert (effect.run_no, effect.done, effect.result) == (run.no, False, None)
    assert [p.key for p in await store.runs.pending(run.no)] == ["call_1"]


async def test_a_refused_commit_leaves_neither_events_nor_operations(store):
    run = await started(store)
    await store.log.commit(records(run, 1, 1), [StartEffect(run.no, "effect_2", NOW)])
    with pytest.raises(Fenced):  # an effect is begun once, whoever tries again
        await store.log.commit(records(run, 2, 2), [message(run), StartEffect(run.no, "effect_2", NOW)])
    assert await store.runs.messages(run.no) == []
    assert await all_of(store, run.no) == records(run, 1, 1)


async def test_an_effect_is_done_when_its_result_is_recorded(store):
    run = await started(store)
    await store.log.commit(records(run, 1, 1), [StartEffect(run.no, "effect_3", NOW)])
    await store.log.commit([], [FinishEffect("effect_3", b'{"ok":1}', NOW + 1)])
    effect = await store.runs.effect("effect_3")
    assert (effect.done, effect.result) == (True, b'{"ok":1}')
    assert await store.runs.effect("effect_0") is None


async def test_operations_take_effect_in_their_order(store):
    """A question and the end of its run may share a commit: then the question is closed."""
    run = await started(store)
    await store.log.commit(records(run, 1, 1), [question(run), finish(run)])
    assert [p.closed for p in await store.runs.pending(run.no)] == [True]


async def test_a_finished_run_knows_its_last_event_and_its_result(store):
    run = await started(store)
    await store.log.append(records(run, 1, 4))
    await ended(store, run, 5, "failed")
    row = await store.runs.get(run.id, "anna")
    assert (row.status, row.last_seq, row.finished_at) == ("failed", 5, NOW + 5)
    assert await store.runs.result(run.no) == b'{"status":"failed"}'


async def test_what_was_written_is_there_for_the_next_process(place):
    first = await place.open()
    run = await started(first)
    await first.log.append(records(run, 1, 3))
    await first.log.commit(records(run, 4, 4), [message(run)])
    await first.close()
    second = await place.open()
    assert apart(await all_of(second, run.no)) == records(run, 1, 4)
    assert (await second.runs.get(run.id, None)).last_seq == 4
    await second.close()
