"""Whatever happens to a run, it ends in exactly one terminal event, and the store and the log agree on it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from engine.world import ANNA, PATIENCE, Process, Tool, assert_settled, process
from oricode_protocol.errors import error
from oricode_service.engine.ports import RunLimits
from oricode_service.models.port import Delta, ModelCall, Stop, Text, ToolUse, UpstreamFailure, Usage
from oricode_service.models.script import Call, Fail, Say, Script, Stall
from oricode_service.store.rows import RunRow
from oricode_service.tools.port import Effect

TWO_TURNS = Script(((Say("I change it."), Call("change", {})), (Say("Changed."),)), piece=4)


class Broken:
    """A provider that raises something after so many lists of deltas."""

    def __init__(self, raises: BaseException, after: int) -> None:
        self._raises = raises
        self._after = after
        self.calls = 0

    async def stream(self, call: ModelCall) -> AsyncGenerator[list[Delta], None]:
        self.calls += 1
        said: list[list[Delta]] = [
            [Usage(input_tokens=3, output_tokens=1)], [Text(0, "Half")], [ToolUse(1, "toolu_1", "change")],
            [Text(2, "more")], [Stop("end_turn", "m")],
        ]  # fmt: skip
        for number, deltas in enumerate(said):
            if number == self._after:
                raise self._raises
            yield deltas
            await asyncio.sleep(0)
        raise self._raises

    async def close(self) -> None: ...


ANYTHING = [
    ValueError("bug"), RuntimeError("bug"), KeyError("bug"), AssertionError(), OSError(5, "io"), MemoryError(),
    TimeoutError(), RecursionError(), ExceptionGroup("g", [ValueError()]), StopAsyncIteration(),
    UpstreamFailure("upstream_rejected", "No.", retryable=False), error("upstream_auth"),
    UnicodeDecodeError("x", b"", 0, 1, "y"),
]  # fmt: skip


@pytest.mark.parametrize("after", [0, 1, 2, 3, 4, 5])
@pytest.mark.parametrize("raises", ANYTHING, ids=lambda raised: type(raised).__name__)
async def test_a_provider_may_raise_anything_anywhere(tmp_path: Path, raises: BaseException, after: int) -> None:
    async with process(tmp_path, Broken(raises, after), [Tool()]) as one:
        run = await one.start()
        state = await assert_settled(one, run, "failed")
    assert state["error"]["error"]
    assert state["status"] == "failed"


@pytest.mark.parametrize("after", [0, 2, 5])
async def test_a_stray_cancellation_out_of_a_library_fails_the_run_and_does_not_lose_it(
    tmp_path: Path, after: int
) -> None:
    """Nobody cancelled the run; a timeout scope of a library let one slip."""
    async with process(tmp_path, Broken(asyncio.CancelledError(), after), [Tool()]) as one:
        run = await one.start()
        await assert_settled(one, run, "failed")


@pytest.mark.parametrize("effect", list(Effect))
@pytest.mark.parametrize(
    "raises", [ValueError("bug"), TimeoutError(), RecursionError(), ExceptionGroup("g", [OSError()])], ids=repr
)
async def test_a_tool_may_raise_anything(tmp_path: Path, raises: BaseException, effect: Effect) -> None:
    tool = Tool(effect=effect, raises=raises)
    async with process(tmp_path, TWO_TURNS, [tool]) as one:
        run = await one.start()
        state = await assert_settled(one, run, "completed")
    (call,) = state["tool_calls"]
    assert call["status"] == ("unknown" if effect is Effect.EFFECT else "error")
    assert list(tool.happened.values()) == [1]


async def test_a_failing_provider_is_tried_a_bounded_number_of_times(tmp_path: Path) -> None:
    broken = Broken(UpstreamFailure("upstream_overloaded", "Busy.", retryable=True), 2)
    async with process(tmp_path, broken, limits=RunLimits(attempts=3)) as one:
        run = await one.start()
        state = await assert_settled(one, run, "failed")
        assert len(one.naps) == 2
    assert broken.calls == 3
    assert state["error"]["code"] == "upstream_overloaded"
    assert state["usage"]["input_tokens"] == 9, "what was used is recorded, failed attempts too"
    assert state["text"] == "Half", "of the last attempt"


async def test_retry_after_is_honoured_up_to_a_cap(tmp_path: Path) -> None:
    broken = Broken(UpstreamFailure("upstream_rate_limited", "Wait.", retryable=True, retry_after=500), 0)
    async with process(tmp_path, broken, limits=RunLimits(attempts=2, retry_after_cap=7)) as one:
        run = await one.start()
        await assert_settled(one, run, "failed")
        assert one.naps == [7]


async def test_an_attempt_that_failed_before_it_showed_anything_is_repeated_silently(tmp_path: Path) -> None:
    script = Script(((Fail("upstream_overloaded", times=2), Say("There.")),))
    async with process(tmp_path, script) as one:
        run = await one.start()
        state = await assert_settled(one, run, "completed")
    assert (state["text"], state["messages"][0]["attempt"]) == ("There.", 1)


async def test_a_run_that_never_stops_calling_tools_is_stopped(tmp_path: Path) -> None:
    script = Script(tuple((Call("change", {}),) for _ in range(10)))
    async with process(tmp_path, script, [Tool()], RunLimits(turns=3)) as one:
        run = await one.start()
        state = await assert_settled(one, run, "failed")
    assert state["error"]["code"] == "turn_limit"
    assert len(state["messages"]) == 3


async def test_a_run_that_uses_too_many_tokens_is_stopped_between_turns(tmp_path: Path) -> None:
    async with process(tmp_path, TWO_TURNS, [Tool()], RunLimits(tokens=1)) as one:
        run = await one.start()
        state = await assert_settled(one, run, "failed")
    assert state["error"]["code"] == "token_limit"
    assert len(state["messages"]) == 1


async def test_a_run_that_takes_too_long_is_stopped(tmp_path: Path) -> None:
    async with process(tmp_path, Script(((Say("One moment"), Stall()),)), limits=RunLimits(wall_seconds=0.5)) as one:
        run = await one.start()
        state = await assert_settled(one, run, "failed")
    assert (state["error"]["code"], state["text"]) == ("time_limit", "One moment")


async def test_a_tool_that_the_model_invented_is_an_answer_to_the_model(tmp_path: Path) -> None:
    async with process(tmp_path, TWO_TURNS) as one:
        run = await one.start()
        state = await assert_settled(one, run, "completed")
        messages = await one.store.runs.messages(run.no)
    assert state["tool_calls"][0]["status"] == "error"
    assert b"There is no tool" in next(m.content for m in messages if m.role == "tool")


async def test_runs_of_one_chat_take_turns_in_their_order(tmp_path: Path) -> None:
    script = Script(((Say("Done."),),))
    async with process(tmp_path, script) as one:
        first = await one.start()
        others = [await one.start(chat_id=first.chat_id) for _ in range(4)]
        logs = [await one.until_ended(run) for run in (first, *others)]
        rows = [await one.store.runs.get(run.id, "anna") for run in (first, *others)]
    assert all(log[-1].event == "done" for log in logs)
    started = [row.started_at for row in rows if row is not None and row.started_at is not None]
    assert started == sorted(started)
    assert len(started) == 5


class Sore:
    """A provider that says something, waits, and fails when it is stopped."""

    def __init__(self, raises: Exception) -> None:
        self._raises = raises
        self.calls = 0

    async def stream(self, call: ModelCall) -> AsyncGenerator[list[Delta], None]:
        self.calls += 1
        yield [Text(0, "Half")]
        try:
            await asyncio.Event().wait()
        finally:
            raise self._raises

    async def close(self) -> None: ...


FAILURES = [ValueError("bug"), UpstreamFailure("upstream_dropped", "It broke.", retryable=True), error("internal")]


@pytest.mark.parametrize("raises", FAILURES, ids=lambda raised: type(raised).__name__)
async def test_a_provider_that_fails_when_it_is_stopped_does_not_change_why_the_run_ends(
    tmp_path: Path, raises: Exception
) -> None:
    provider = Sore(raises)
    async with process(tmp_path, provider) as one:
        run = await one.start()
        await until_said(one, run)
        await one.engine.cancel(ANNA.user, run.id)
        await assert_settled(one, run, "cancelled")
    assert provider.calls == 1


@pytest.mark.parametrize("raises", FAILURES, ids=lambda raised: type(raised).__name__)
async def test_a_provider_that_fails_when_the_process_drains_does_not_end_the_run(
    tmp_path: Path, raises: Exception
) -> None:
    provider = Sore(raises)
    async with process(tmp_path, provider) as one:
        run = await one.start()
        await until_said(one, run)
        async with asyncio.timeout(PATIENCE):
            await one.engine.drain()
        assert "done" not in {record.event for record in await one.events(run)}
    assert provider.calls == 1


async def test_a_provider_that_fails_when_its_time_is_up_is_not_asked_again(tmp_path: Path) -> None:
    provider = Sore(UpstreamFailure("upstream_dropped", "It broke.", retryable=True))
    async with process(tmp_path, provider, limits=RunLimits(wall_seconds=0.5)) as one:
        run = await one.start()
        state = await assert_settled(one, run, "failed")
    assert (provider.calls, state["error"]["code"]) == (1, "time_limit")


async def until_said(one: Process, run: RunRow) -> None:
    async with asyncio.timeout(PATIENCE):
        while "content" not in {record.event for record in await one.events(run)}:
            await asyncio.sleep(0)
