"""``mcp_store_code_chunk``."""

from __future__ import annotations

import pytest
from oricode_service.tools.chunks import StoreChunk
from oricode_service.tools.port import Step
from oricode_service.tools.program_names import default_name
from tools.memory_programs import MemoryPrograms
from tools.playing import result, run


@pytest.fixture
def store(programs: MemoryPrograms) -> StoreChunk:
    return StoreChunk(programs)


async def test_eight_chunks_show_the_percent_of_the_whole(store: StoreChunk) -> None:
    """The texts and percents are those the existing clients know."""
    shown = []
    for index in range(8):
        steps, outcome = await run(store, {"program": "ZFOO", "chunk_index": index, "total_chunks": 8, "code": "x\n"})
        assert outcome.status == "ok"
        shown += steps
    assert [step.percent for step in shown] == [12.5, 25, 37.5, 50, 62.5, 75, 87.5, 100]
    assert shown[2] == Step("Storing chunk 3/8...", "chunking", percent=37.5)


async def test_the_result_names_the_missing_chunks(store: StoreChunk) -> None:
    await result(store, {"program": "ZFOO", "chunk_index": 0, "total_chunks": 6, "code": "a"})
    outcome = await result(store, {"program": "zfoo", "chunk_index": 3, "total_chunks": 6, "code": "b"})
    assert "missing of 6: chunk_index 1-2, 4-5" in outcome.content
    assert outcome.summary == "chunk 4/6 of ZFOO"


async def test_the_last_chunk_says_that_all_are_there(store: StoreChunk) -> None:
    outcome = await result(store, {"program": "ZFOO", "chunk_index": 0, "total_chunks": 1, "code": "a"})
    assert "All 1 chunks are stored" in outcome.content


async def test_a_repeated_and_a_changed_chunk_are_told_apart(store: StoreChunk) -> None:
    chunk = {"program": "ZFOO", "chunk_index": 0, "total_chunks": 2, "code": "a"}
    await result(store, chunk)
    assert "was stored already" in (await result(store, chunk)).content
    assert "replaced" in (await result(store, {**chunk, "code": "b"})).content


async def test_another_total_says_that_the_old_chunks_are_gone(store: StoreChunk) -> None:
    await result(store, {"program": "ZFOO", "chunk_index": 0, "total_chunks": 2, "code": "a"})
    outcome = await result(store, {"program": "ZFOO", "chunk_index": 0, "total_chunks": 3, "code": "a"})
    assert "earlier chunks of this program were dropped" in outcome.content
    assert "chunk_index 1-2" in outcome.content


async def test_without_a_name_the_chunk_goes_to_the_program_of_the_chat(
    store: StoreChunk, programs: MemoryPrograms
) -> None:
    outcome = await result(store, {"chunk_index": 0, "total_chunks": 1, "code": "a"}, chat="chat-9")
    name = default_name("chat-9")
    assert f"No program was named, so it is {name}" in outcome.content
    assert await programs.program("anna", name) is not None


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"chunk_index": 2}, "the last one is 1, not 2"),
        ({"program": "../../etc"}, "is not a program name"),
        ({"code": "a\0b"}, "NUL"),
        ({"code": "a\ud800"}, "lone surrogate at character 1"),
    ],
)
async def test_what_cannot_be_stored_is_refused_with_the_reason(
    store: StoreChunk, programs: MemoryPrograms, changes: dict[str, object], complaint: str
) -> None:
    outcome = await result(store, {"program": "ZFOO", "chunk_index": 0, "total_chunks": 2, "code": "a", **changes})
    assert outcome.status == "error"
    assert complaint in outcome.content
    assert await programs.programs("anna") == []
