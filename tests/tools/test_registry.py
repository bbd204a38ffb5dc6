"""The registry: what the model is offered, and what guards every call."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest
from oricode_service.tools.chunks import StoreChunk
from oricode_service.tools.inputs import BadSchema, InputCheck
from oricode_service.tools.port import Call, Effect, Outcome, Step, Tool
from oricode_service.tools.registry import Registry
from tools.memory_programs import MemoryPrograms
from tools.playing import call_of, play

Says = Callable[[Call], AsyncGenerator[Step | Outcome, None]]


async def says_ok(call: Call) -> AsyncGenerator[Step | Outcome, None]:
    yield Step("half", "test")
    yield Outcome("done")


@dataclass(eq=False)
class Scripted:
    """A tool that says what its script says."""

    name: str = "probe"
    says: Says = says_ok
    effect: Effect = Effect.PURE
    time_limit: float = 30.0
    proven: Outcome | None = None
    description: str = "A probe."
    input_schema: dict[str, Any] = field(default_factory=lambda: {"type": "object"})
    runs: Literal["server", "mcp"] = "server"

    def run(self, call: Call) -> AsyncGenerator[Step | Outcome, None]:
        return self.says(call)

    async def reconcile(self, call: Call) -> Outcome | None:
        return self.proven


async def start(tool: Tool, input_: dict[str, Any] | None = None, **options: Any) -> tuple[list[Step], Outcome]:
    return await play(Registry([tool], **options).start(call_of(input_ or {}), tool.name))


async def test_steps_and_outcome_pass_through() -> None:
    steps, outcome = await start(Scripted())
    assert steps == [Step("half", "test")]
    assert outcome == Outcome("done", "ok", summary="done")


async def test_a_wrong_input_never_reaches_the_tool() -> None:
    ran = []

    async def says(call: Call) -> AsyncGenerator[Step | Outcome, None]:
        ran.append(call)
        yield Outcome("done")

    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    _, outcome = await start(Scripted(says=says, input_schema=schema), {"n": "x"})
    assert (outcome.status, outcome.content) == ("error", "The input does not fit: n must be an integer, got 'x'.")
    assert ran == []


async def test_an_unknown_tool_is_an_error_result() -> None:
    _, outcome = await play(Registry([]).start(call_of({}), "nowhere"))
    assert (outcome.status, outcome.content) == ("error", "There is no tool nowhere at the moment.")


async def raises(call: Call) -> AsyncGenerator[Step | Outcome, None]:
    yield Step("half", "test")
    raise KeyError("secret detail")


async def ends_early(call: Call) -> AsyncGenerator[Step | Outcome, None]:
    yield Step("half", "test")


async def raises_timeout(call: Call) -> AsyncGenerator[Step | Outcome, None]:
    yield Step("half", "test")
    raise TimeoutError


@pytest.mark.parametrize("says", [raises, ends_early, raises_timeout])
async def test_a_bug_of_a_tool_is_an_error_result_and_a_log_line(says: Says, caplog: pytest.LogCaptureFixture) -> None:
    steps, outcome = await start(Scripted(says=says))
    assert steps == [Step("half", "test")]
    assert outcome.status == "error"
    assert "error of the service, which has been logged" in outcome.content
    assert "secret detail" not in outcome.content
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


async def test_a_bug_in_the_middle_of_an_effect_is_unknown_unless_the_target_can_tell() -> None:
    _, outcome = await start(Scripted(says=raises, effect=Effect.EFFECT))
    assert (outcome.status, "cannot be told whether probe took effect" in outcome.content) == ("unknown", True)
    proof = Outcome("already deployed")
    _, outcome = await start(Scripted(says=raises, effect=Effect.EFFECT, proven=proof))
    assert (outcome.status, outcome.content) == ("ok", "already deployed")


async def test_a_tool_that_takes_too_long_is_cancelled() -> None:
    ended = asyncio.Event()

    async def hangs(call: Call) -> AsyncGenerator[Step | Outcome, None]:
        try:
            yield Step("begun", "test")
            await asyncio.Event().wait()
            yield Outcome("never")
        finally:
            ended.set()

    steps, outcome = await start(Scripted(says=hangs, time_limit=0.05))
    assert (len(steps), outcome.status) == (1, "error")
    assert outcome.content == "probe has no result: it did not finish within 0.05 seconds."
    assert ended.is_set()
    _, outcome = await start(Scripted(says=hangs, time_limit=0.05, effect=Effect.EFFECT))
    assert outcome.status == "unknown"


async def test_the_time_limit_covers_the_whole_call_not_each_step() -> None:
    async def trickles(call: Call) -> AsyncGenerator[Step | Outcome, None]:
        while True:
            await asyncio.sleep(0.01)
            yield Step("more", "test")

    _, outcome = await start(Scripted(says=trickles, time_limit=0.1))
    assert "did not finish within 0.1 seconds" in outcome.content


async def test_cancelling_the_caller_cancels_the_tool() -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def hangs(call: Call) -> AsyncGenerator[Step | Outcome, None]:
        begun.set()
        try:
            await asyncio.Event().wait()
            yield Outcome("never")
        finally:
            ended.set()

    running = asyncio.create_task(start(Scripted(says=hangs)))
    async with asyncio.timeout(10):
        await begun.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    assert ended.is_set()


async def test_what_a_tool_says_after_its_outcome_is_not_heard() -> None:
    async def babbles(call: Call) -> AsyncGenerator[Step | Outcome, None]:
        yield Outcome("first")
        yield Outcome("second")

    assert (await start(Scripted(says=babbles)))[1].content == "first"


async def test_a_large_result_is_cut_on_a_character_with_a_note() -> None:
    async def verbose(call: Call) -> AsyncGenerator[Step | Outcome, None]:
        yield Outcome("é" * 100)

    _, outcome = await start(Scripted(says=verbose), result_limit=51)
    assert outcome.content == "é" * 25 + "\n[cut: the first 51 of 200 bytes are shown]"


async def test_text_that_no_store_takes_is_made_harmless() -> None:
    async def odd(call: Call) -> AsyncGenerator[Step | Outcome, None]:
        yield Step("a\ud800b", "test")
        yield Outcome("a\ud800\0b")

    steps, outcome = await start(Scripted(says=odd))
    assert (steps[0].message, outcome.content) == ("a?b", "a?\ufffdb")


class TestOffer:
    def test_definitions_are_in_messages_api_form_and_order(self, programs: MemoryPrograms) -> None:
        live: list[Tool] = [Scripted("git__log"), Scripted("git__diff")]
        registry = Registry([StoreChunk(programs), Scripted("zz")], lambda: live)
        assert [d["name"] for d in registry.definitions()] == ["mcp_store_code_chunk", "zz", "git__log", "git__diff"]
        assert set(registry.definitions()[0]) == {"name", "description", "input_schema"}
        marked = [d["name"] for d in registry.definitions() if d.get("cache_control") == {"type": "ephemeral"}]
        assert marked == ["git__diff"], "the prefix that all prompts share ends with the last of them"

    def test_tools_come_and_go_with_their_server(self) -> None:
        live: list[Tool] = []
        registry = Registry([], lambda: live)
        assert registry.get("git__log") is None
        live.append(Scripted("git__log"))
        assert registry.get("git__log") is live[0]

    def test_a_live_tool_never_replaces_a_built_in_one(self) -> None:
        own = Scripted("probe")
        registry = Registry([own], lambda: [Scripted("probe")])
        assert registry.get("probe") is own
        assert len(registry.definitions()) == 1

    def test_two_built_in_tools_of_one_name_are_a_mistake(self) -> None:
        with pytest.raises(ValueError, match="there are two of it"):
            Registry([Scripted(), Scripted()])

    @pytest.mark.parametrize(
        ("definition", "why"),
        [
            ({"name": "open_file", "input_schema": {"type": "object"}}, None),
            ({"name": "probe", "input_schema": {"type": "object"}}, "is the name of a tool of the service"),
            ({"name": "git__later", "input_schema": {"type": "object"}}, "is the name of a tool of the service"),
            ({"name": "a b", "input_schema": {"type": "object"}}, "is not a tool name"),
            ({"input_schema": {"type": "object"}}, "is not a tool name"),
            ({"name": "x", "input_schema": {"type": "objekt"}}, "its input schema is not valid"),
            ({"name": "x", "input_schema": {"type": "array"}}, "is not that of an object"),
            ({"name": "x"}, "is not that of an object"),
        ],
    )
    def test_client_tools_must_be_usable_and_not_shadow_ours(self, definition: dict[str, Any], why: str | None) -> None:
        refusal = Registry([Scripted()], reserved=["git__"]).refuse_client_tools([definition])
        assert refusal is None if why is None else why in str(refusal)

    def test_two_client_tools_of_one_name_are_refused(self) -> None:
        one = {"name": "x", "input_schema": {"type": "object"}}
        assert Registry([]).refuse_client_tools([one, one]) == "there are two tools x"


CHUNK: dict[str, Any] = {"program": "ZFOO", "chunk_index": 0, "total_chunks": 2, "code": "x"}


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({}, None),
        ({"chunk_index": "x"}, "chunk_index must be an integer, got 'x'"),
        ({"chunk_index": True}, "chunk_index must be an integer, got True"),
        ({"chunk_index": -1}, "chunk_index must be at least 0, got -1"),
        ({"total_chunks": 1000}, "total_chunks must be at most 500, got 1000"),
        ({"program": "Z" * 41}, "program must have a length of at most 40, has 41"),
        ({"code": None, "program": 1}, "code must be a string, got None; program must be a string, got 1"),
        ({"extra": 1}, None),
    ],
)
def test_complaints_name_the_field_and_what_is_wrong(
    programs: MemoryPrograms, changes: dict[str, Any], complaint: str | None
) -> None:
    assert InputCheck(StoreChunk(programs).input_schema).complaint({**CHUNK, **changes}) == complaint


@pytest.mark.parametrize(
    ("schema", "given", "complaint"),
    [
        ({"required": ["a", "b"]}, {"b": 1}, "the input lacks a"),
        ({"properties": {"a": {"enum": ["x", 1]}}}, {"a": "y"}, "a must be one of \"x\", 1, got 'y'"),
        ({"properties": {"a": {"items": {"type": "number"}}}}, {"a": [1, "2"]}, "a[1] must be a number, got '2'"),
        ({"properties": {"a": {"type": ["string", "null"]}}}, {"a": 1}, "a must be a string or null, got 1"),
        ({"additionalProperties": False}, {"a": 1}, "the input: Additional properties are not allowed"),
        ({"properties": {"a": {"$ref": "https://example.com/s"}}}, {"a": 1}, "refers to something unknown"),
        ({"$defs": {"n": {"type": "null"}}, "properties": {"a": {"$ref": "#/$defs/n"}}}, {"a": 1}, "a must be null"),
        ({"$schema": "http://json-schema.org/draft-07/schema#", "properties": {"a": {"const": 1}}}, {"a": 2},
         "a must be 1, got 2"),
    ],
)  # fmt: skip
def test_schemas_of_other_makers_are_understood(schema: dict[str, Any], given: dict[str, Any], complaint: str) -> None:
    assert complaint in str(InputCheck({"type": "object", **schema}).complaint(given))


def test_many_complaints_are_cut_with_a_count() -> None:
    schema = {"type": "object", "additionalProperties": {"type": "string"}}
    complaint = InputCheck(schema).complaint({f"k{n}": n for n in range(8)})
    assert str(complaint).endswith("; and 3 more")


def test_a_schema_that_is_none_is_refused() -> None:
    with pytest.raises(BadSchema, match="not valid"):
        InputCheck({"type": "object", "properties": []})


@pytest.mark.parametrize(
    ("input_", "shown"),
    [
        ({"chunk_index": 2, "total_chunks": 8}, [Step("Storing chunk 3/8...", "chunking", percent=37.5)]),
        ({"chunk_index": 8, "total_chunks": 8}, []),
        ({"chunk_index": "2", "total_chunks": 8}, []),
        ({"chunk_index": True, "total_chunks": 8}, []),
        ({}, []),
    ],
)
async def test_a_chunk_without_its_text_is_shown_and_refused(input_: dict[str, Any], shown: list[Step]) -> None:
    """People who follow the bar see where the model is, whatever it got wrong."""
    steps, outcome = await start(StoreChunk(MemoryPrograms()), input_)
    assert (steps, outcome.status) == (shown, "error")
    assert "code" in outcome.content
