"""A process that dies at any step: the next one goes on behind the last committed step, and no effect happens twice."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from engine.world import PATIENCE, Process, Tool, assert_settled, assert_whole, process, state_of
from oricode_protocol import codec
from oricode_protocol.errors import OricodeError
from oricode_service.engine.ports import RunLimits
from oricode_service.models.script import Call, Say, Script, Stall, Think
from oricode_service.store.rows import RunRow
from oricode_service.tools.port import Effect

TELLING = Script(
    ((Think("Hm."), Say("I change it."), Call("change", {})), (Say("I look."), Call("look", {})), (Say("Good."),)),
    piece=5,
    rate=100_000.0,  # fast, but never all at once: some deltas are flushed by themselves
)
POINTS = [
    f"{name}:{n}"
    for name in (
        "turn.before", "turn.after", "intent.before", "intent.after", "call.after", "result.before", "result.after",
        "done.before", "done.after", "append.before", "append.after",
    )
    for n in (1, 2, 3)
]  # fmt: skip


async def until_dead(one: Process, run: RunRow) -> None:
    """The process died, or the run ended without passing the point so often."""
    died = asyncio.create_task(one.died.wait())
    ended = asyncio.create_task(one.until_ended(run))
    async with asyncio.timeout(PATIENCE):
        await asyncio.wait([died, ended], return_when=asyncio.FIRST_COMPLETED)
    for task in (died, ended):
        task.cancel()
    await asyncio.gather(died, ended, return_exceptions=True)


@pytest.mark.parametrize("proves", [True, False], ids=["target proves it", "target cannot tell"])
@pytest.mark.parametrize("point", POINTS)
async def test_a_kill_at_any_step_loses_nothing_and_repeats_nothing(tmp_path: Path, point: str, proves: bool) -> None:
    change, look = Tool(proves=proves), Tool("look", Effect.PURE)
    async with process(tmp_path, TELLING, [change, look], kill_at=point) as one:
        run = await one.start()
        await until_dead(one, run)
        died = one.died.is_set()
        seen = await one.events(run)
    async with process(tmp_path, TELLING, [change, look]) as two:
        taken = await two.engine.recover("The service was restarted.")
        state = await assert_settled(two, run, "completed")
        records = await two.events(run)
        messages = await two.store.runs.messages(run.no)
    assert taken == (died and "done" not in {record.event for record in seen})
    assert records[: len(seen)] == seen, "what anybody saw stays as it was"
    assert state["text"] == "I change it.I look.Good."
    assert all(times == 1 for times in change.happened.values()), "an effect happened twice"
    assert [m.role for m in messages] == ["user", "assistant", "tool", "assistant", "tool", "assistant"]
    told = next(call["status"] for call in state["tool_calls"] if call["name"] == "change")
    if not change.happened or (not proves and point in ("intent.after:1", "call.after:1", "result.before:1")):
        assert told == "unknown", "whether it happened is not known, and it is not claimed"
    else:
        assert told == "ok"
    if taken:
        assert records[-1].epoch == 2
        assert [r.event for r in records].count("recovering") == (1 if seen else 0)


async def test_every_named_point_is_passed_by_the_run_that_is_killed_there(tmp_path: Path) -> None:
    """The control of the test above: without a kill each point is really on the way."""
    async with process(tmp_path, TELLING, [Tool(), Tool("look", Effect.PURE)]) as one:
        run = await one.start()
        await assert_settled(one, run, "completed")
        assert {point.partition(":")[0] for point in POINTS} <= set(one.passed)


async def test_a_half_streamed_turn_is_voided_by_a_higher_attempt(tmp_path: Path) -> None:
    async with process(tmp_path, Script(((Say("Half a sent"), Stall()),))) as one:
        run = await one.start()
        async with asyncio.timeout(PATIENCE):
            while state_of(await one.events(run))["text"] != "Half a sent":
                await one.commit.flushed()
        await one.die()
    async with process(tmp_path, Script(((Say("A whole sentence."),),))) as two:
        await two.engine.recover("restarted")
        state = await assert_settled(two, run, "completed")
    (message,) = state["messages"]
    assert (state["text"], message["attempt"]) == ("A whole sentence.", 2)


async def test_a_run_that_kills_every_process_is_given_up(tmp_path: Path) -> None:
    limits = RunLimits(takeovers=2)
    run = None
    for life in range(5):
        async with process(tmp_path, TELLING, [Tool(), Tool("look")], limits, kill_at="turn.before") as one:
            if run is None:
                run = await one.start()
            elif not await one.engine.recover("restarted"):
                break
            await until_dead(one, run)
            if not one.died.is_set():
                state = assert_whole(await one.events(run))
                assert state["error"]["code"] == "too_many_attempts"
                assert life == 3
                return
    raise AssertionError("the run was neither ended nor taken over")


async def test_a_drained_run_goes_on_elsewhere_and_that_is_no_crash(tmp_path: Path) -> None:
    limits = RunLimits(takeovers=0)
    async with process(tmp_path, Script(((Say("Half"), Stall()),)), limits=limits) as one:
        run = await one.start()
        async with asyncio.timeout(PATIENCE):
            while state_of(await one.events(run))["text"] != "Half":
                await one.commit.flushed()
            await one.engine.drain()
        assert "done" not in {record.event for record in await one.events(run)}
        assert one.engine.live == []
    async with process(tmp_path, Script(((Say("Whole."),),)), limits=limits) as two:
        assert await two.engine.recover("restarted") == 1
        state = await assert_settled(two, run, "completed")
    assert state["text"] == "Whole."


async def test_a_cancel_asked_of_a_dead_process_is_carried_out_by_the_next(tmp_path: Path) -> None:
    async with process(tmp_path, Script(((Say("Half"), Stall()),))) as one:
        run = await one.start()
        await one.commit.flushed()
        await one.store.runs.request_cancel(run.no)
        await one.die()
    async with process(tmp_path, TELLING, [Tool(), Tool("look")]) as two:
        await two.engine.recover("restarted")
        await assert_settled(two, run, "cancelled")


async def test_a_question_survives_its_process_and_is_not_asked_twice(tmp_path: Path) -> None:
    script = Script(((Call("ask_person", {}),), (Say("Thanks."),)))
    tools = [{"name": "ask_person", "description": "", "input_schema": {"type": "object"}}]
    async with process(tmp_path, script) as one:
        run = await one.start(tools=tools)
        async with asyncio.timeout(PATIENCE):
            while not await one.store.runs.pending(run.no):
                await one.commit.flushed()
        (asked,) = await one.store.runs.pending(run.no)
        await one.die()
    async with process(tmp_path, script) as two:
        await two.engine.recover("restarted")
        await two.engine.answer("anna", run.id, "tool", asked.key, {"content": "Yes.", "is_error": False})
        state = await assert_settled(two, run, "completed")
        events = [(r.event, codec.loads(r.data)) for r in await two.events(run)]
    assert [name for name, _ in events].count("tool_call") == 1
    assert state["tool_calls"][0]["status"] == "ok"


async def test_queued_runs_keep_their_order_over_a_restart(tmp_path: Path) -> None:
    async with process(tmp_path, Script(((Say("Half"), Stall()),))) as one:
        first = await one.start()
        others = [await one.start(chat_id=first.chat_id) for _ in range(3)]
        await one.commit.flushed()
        await one.die()
    async with process(tmp_path, Script(((Say("Done."),),))) as two:
        assert await two.engine.recover("restarted") == 4
        for run in (first, *others):
            await assert_settled(two, run, "completed")
        rows = [await two.store.runs.get(run.id, "anna") for run in (first, *others)]
    finished = [row.finished_at for row in rows if row is not None and row.finished_at is not None]
    assert finished == sorted(finished)


async def test_a_drain_waits_for_effects_in_the_air_so_that_nobody_must_guess(tmp_path: Path) -> None:
    """No further effect begins meanwhile; one that takes too long is unknown, as after a kill."""
    change = Tool(waits=asyncio.Event())
    async with process(tmp_path, TELLING, [change, Tool("look")]) as one:
        run = await one.start()
        await change.reached.wait()
        draining = asyncio.create_task(one.engine.drain(PATIENCE))
        await asyncio.sleep(0)
        change.waits.set()
        await draining
    async with process(tmp_path, TELLING, [change, Tool("look")]) as two:
        await two.engine.recover("restarted")
        state = await assert_settled(two, run, "completed")
    assert [call["status"] for call in state["tool_calls"]] == ["ok", "ok"]
    assert sum(change.happened.values()) == 1


async def test_a_start_that_is_under_way_when_lending_ends_is_carried_through(tmp_path: Path) -> None:
    async with process(tmp_path, TELLING, [Tool(), Tool("look")]) as one:
        await one.engine.drain(lends=True)
        starting = asyncio.create_task(one.start())
        await asyncio.sleep(0)
        await one.engine.end_lending()
        await one.store.give_up()
        run = await starting
        with pytest.raises(OricodeError, match="restarting"):
            await one.start()
    async with process(tmp_path, TELLING, [Tool(), Tool("look")]) as two:
        await two.engine.recover("restarted")
        await assert_settled(two, run, "completed")


async def test_runs_without_an_effect_in_the_air_do_not_wait_for_those_with_one(tmp_path: Path) -> None:
    change = Tool(waits=asyncio.Event())
    async with process(tmp_path, TELLING, [change, Tool("look")]) as one:
        await one.start()
        await change.reached.wait()
        quiet = await one.start(if_busy="enqueue")
        draining = asyncio.create_task(one.engine.drain(PATIENCE))
        async with asyncio.timeout(PATIENCE):
            while quiet.no in {run.row.no for run in one.engine.live}:
                await asyncio.sleep(0)
        assert not draining.done()
        change.waits.set()
        await draining
    async with process(tmp_path, TELLING, [change, Tool("look")]) as two:
        assert await two.engine.recover("restarted") == 2
        await assert_settled(two, quiet, "completed")


async def test_an_effect_that_outlasts_a_drain_is_unknown(tmp_path: Path) -> None:
    change = Tool(waits=asyncio.Event())
    async with process(tmp_path, TELLING, [change, Tool("look")]) as one:
        run = await one.start()
        await change.reached.wait()
        await one.engine.drain(0.05)
    async with process(tmp_path, TELLING, [change, Tool("look")]) as two:
        await two.engine.recover("restarted")
        state = await assert_settled(two, run, "completed")
    assert [call["status"] for call in state["tool_calls"]] == ["unknown", "ok"]
    assert sum(change.happened.values()) == 1


async def test_a_run_that_starts_while_the_process_drains_is_begun_by_the_next(tmp_path: Path) -> None:
    async with process(tmp_path, TELLING, [Tool(), Tool("look")]) as one:
        await one.engine.drain(lends=True)
        run = await one.start()
        assert one.engine.live == []
    async with process(tmp_path, TELLING, [Tool(), Tool("look")]) as two:
        assert await two.engine.recover("restarted") == 1
        await assert_settled(two, run, "completed")


@pytest.mark.parametrize("why", ["cancelled", "too often"])
async def test_a_run_that_ends_as_soon_as_it_is_taken_over_asks_its_question_once(tmp_path: Path, why: str) -> None:
    async with process(tmp_path, TELLING, [Tool(), Tool("look")], kill_at="result.after") as one:
        run = await one.start()
        await until_dead(one, run)
        if why == "cancelled":
            await one.store.runs.request_cancel(run.no)
    limits = RunLimits(takeovers=0) if why == "too often" else None
    async with process(tmp_path, TELLING, [Tool(), Tool("look")], limits) as two:
        await two.engine.recover("restarted")
        await assert_settled(two, run, "cancelled" if why == "cancelled" else "failed")
        roles = [message.role for message in await two.store.runs.messages(run.no)]
    assert roles == ["user", "assistant", "tool"]


async def test_runs_that_are_claimed_while_a_drain_begins_go_on_to_the_next_process(tmp_path: Path) -> None:
    script = Script(((Say("Half"), Stall()),))
    async with process(tmp_path, script) as one:
        run = await one.start()
        await one.commit.flushed()
    async with process(tmp_path, script) as two:
        claim = two.store.runs.claim

        async def claim_late(limit: int) -> list[RunRow]:
            found = await claim(limit)
            await two.engine.drain()
            return found

        two.store.runs.claim = claim_late  # type: ignore[method-assign]
        await two.engine.recover("restarted")
        assert two.engine.live == []
    async with process(tmp_path, Script(((Say("Whole."),),))) as three:
        (row,) = await three.store.runs.claim(10)
        assert (row.no, row.attempts) == (run.no, 1), "an orderly release is no crash"
