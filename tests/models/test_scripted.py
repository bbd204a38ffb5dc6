"""The scripted provider, with a clock that costs no time."""

from __future__ import annotations

import asyncio
import json
import math

import abap_parser
import pytest
from oricode_service.models.port import Delta, Draft, Signature, Stop, Text, Thinking, ToolInput, ToolUse, Usage
from oricode_service.models.script import Call, Fail, Pause, Say, Scene, Script, Stall, Think
from oricode_service.models.script import Stop as StopWith
from oricode_service.models.scripted import SCRIPTS, ScriptedProvider, demo

from .conftest import a_call, read, read_failing


class Clock:
    """Sleeps that only add up."""

    def __init__(self) -> None:
        self.slept = 0.0

    async def sleep(self, seconds: float) -> None:
        self.slept += seconds


def scripted(*scenes: Scene, rate: float = math.inf, speed: float = 1.0, clock: Clock | None = None):
    script = Script(scenes, rate=rate, piece=4)
    return ScriptedProvider({"play": script}, speed=speed, sleep=(clock or Clock()).sleep)


def play_call(turn: int = 1, run_id: str = "run_1"):
    return a_call(model="play", turn=turn, run_id=run_id)


def words(deltas: list[Delta]) -> str:
    return "".join(delta.text for delta in deltas if isinstance(delta, Text))


async def test_each_turn_plays_its_scene():
    provider = scripted((Say("I check."), Call("mcp_check_syntax", {"program": "ZÄ"})), (Say("It is sound."),))
    first = await read(provider, play_call(turn=1))
    assert words(first) == "I check."
    (tool,) = (delta for delta in first if isinstance(delta, ToolUse))
    assert (tool.index, tool.name) == (1, "mcp_check_syntax")
    pieces = [delta.partial_json for delta in first if isinstance(delta, ToolInput)]
    assert len(pieces) > 1
    assert json.loads("".join(pieces)) == {"program": "ZÄ"}
    assert first[-1] == Stop("tool_use", "play")
    second = await read(provider, play_call(turn=2))
    assert words(second) == "It is sound."
    assert second[-1] == Stop("end_turn", "play")


async def test_a_run_beyond_the_last_scene_still_ends():
    deltas = await read(scripted((Say("All."),)), play_call(turn=2))
    assert words(deltas) == "The script has no more scenes."
    assert deltas[-1] == Stop("end_turn", "play")


async def test_reasoning_comes_with_a_signature_and_before_its_text():
    deltas = await read(scripted((Think("Let me see."), Say("Yes."))), play_call())
    assert "".join(d.text for d in deltas if isinstance(d, Thinking)) == "Let me see."
    assert [d.index for d in deltas if isinstance(d, Signature)] == [0]
    assert {d.index for d in deltas if isinstance(d, Text)} == {1}


async def test_usage_opens_and_closes_the_answer():
    deltas = await read(scripted((Say("x" * 400),)), play_call())
    usages = [delta for delta in deltas if isinstance(delta, Usage)]
    assert usages[0].input_tokens is not None
    assert usages[0].input_tokens > 0
    assert usages[1].output_tokens == 100


async def test_calling_the_same_turn_again_gives_fresh_tool_call_ids():
    provider = scripted((Call("t", {}), Call("t", {})))
    ids = [d.tool_call_id for _ in range(2) for d in await read(provider, play_call()) if isinstance(d, ToolUse)]
    assert len(set(ids)) == 4


@pytest.mark.parametrize(("speed", "seconds"), [(1.0, 12.0), (4.0, 3.0), (math.inf, 0.0)])
async def test_pace_and_pauses_follow_the_speed(speed: float, seconds: float):
    clock = Clock()
    await read(scripted((Say("x" * 100), Pause(2)), rate=10, speed=speed, clock=clock), play_call())
    assert clock.slept == pytest.approx(seconds)


async def test_a_paced_script_gives_one_delta_at_a_time_and_an_unpaced_one_bursts():
    async def lists(rate: float) -> list[int]:
        provider = scripted((Say("x" * 40),), rate=rate)
        return [len(deltas) async for deltas in provider.stream(play_call())]

    assert await lists(rate=1000) == [1] * 11 + [2]
    assert await lists(rate=math.inf) == [1, 10, 2]


async def test_a_fault_breaks_the_answer_behind_what_was_said():
    provider = scripted((Say("So far"), Fail("upstream_rate_limited", retry_after=3), Say("never")))
    for _ in range(3):
        seen, failure = await read_failing(provider, play_call())
        assert words(seen) == "So far"
        assert (failure.code, failure.retryable, failure.retry_after) == ("upstream_rate_limited", True, 3)


async def test_a_fault_with_a_count_lets_later_attempts_of_that_turn_through():
    provider = scripted((Fail("upstream_dropped", times=2), Say("At last.")))
    for _ in range(2):
        assert (await read_failing(provider, play_call()))[1].code == "upstream_dropped"
    assert words(await read(provider, play_call())) == "At last."
    assert (await read_failing(provider, play_call(run_id="run_2")))[1].code == "upstream_dropped"


async def test_a_stall_lasts_until_the_reader_gives_up():
    provider = scripted((Say("Wait"), Stall()))
    stream = provider.stream(play_call())
    seen = [*await anext(stream), *await anext(stream)]
    assert words(seen) == "Wait"
    waiting = asyncio.ensure_future(anext(stream))
    done, _ = await asyncio.wait({waiting}, timeout=0.01)
    assert not done
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_a_scene_can_name_its_stop_reason():
    assert (await read(scripted((Say("cut"), StopWith("max_tokens"))), play_call()))[-1] == Stop("max_tokens", "play")


@pytest.mark.parametrize("speed", [0, -1, math.nan])
def test_a_speed_that_is_none_is_refused(speed: float):
    with pytest.raises(ValueError, match="speed"):
        ScriptedProvider({}, speed=speed)


async def play_demo(clock: Clock) -> list[tuple[str, dict]]:
    """All tool calls of the demo, in order."""
    provider = ScriptedProvider({"demo": demo()}, sleep=clock.sleep)
    calls = []
    for turn in range(1, 20):
        draft = Draft()
        for delta in await read(provider, a_call(model="demo", turn=turn)):
            draft.add(delta)
        calls += [(block["name"], json.loads(text)) for _, block, text in draft.blocks() if block["type"] == "tool_use"]
        if draft.stop_reason == "end_turn":
            return calls
    raise AssertionError("the demo does not end")


async def test_the_demo_stores_eight_chunks_then_checks_then_deploys():
    calls = await play_demo(Clock())
    assert [name for name, _ in calls] == ["mcp_store_code_chunk"] * 8 + ["mcp_check_syntax", "mcp_deploy_stored_code"]
    assert [(call["chunk_index"], call["total_chunks"]) for _, call in calls[:8]] == [(i, 8) for i in range(8)]
    assert {call["program"] for _, call in calls} == {"ZORI_OPEN_ORDERS"}


async def test_the_demo_s_chunks_are_the_report_and_the_report_is_abap():
    code = "".join(call["code"] for _, call in (await play_demo(Clock()))[:8])
    assert code == (SCRIPTS / "zori_open_orders.abap").read_text("utf-8")
    kinds = [statement["kind"] for statement in abap_parser.statements(code)]
    assert len(kinds) > 150
    assert "Unknown" not in kinds


async def test_the_demo_plays_at_human_speed():
    clock = Clock()
    await play_demo(clock)
    assert 60 <= clock.slept <= 90
