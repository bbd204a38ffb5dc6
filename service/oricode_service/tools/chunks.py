"""``mcp_store_code_chunk``: keeps one piece of a program that the model writes in several calls.

In: the program's name, the piece, its index and how many there will be. Out: a ``chunking`` step with the true percent
of the whole upload, then what is stored and what is missing. Storing a piece twice is the same as once.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any, Final, Literal

from . import languages
from .named_program import PROGRAM_PROPERTY, named_in
from .port import Call, Effect, Outcome, Step
from .program_names import BadProgramName
from .programs import MAX_CHUNK_CHARACTERS, MAX_CHUNKS, Programs, StoredState, spans

_CHANGES = {
    "added": "stored",
    "replaced": "replaced",
    "unchanged": "was stored already",
    "restarted": "stored; the total differs from before, so the earlier chunks of this program were dropped",
}


class StoreChunk:
    """The tool over the durable store."""

    name: Final = "mcp_store_code_chunk"
    description: Final = (
        "Store one chunk of a program's source code. Split a large program into chunks of at most a few hundred "
        "lines and store them one after the other; the chunks are joined exactly as given, so a chunk ends with the "
        "line break that belongs there. Storing a chunk again replaces it. The answer names the chunks still missing."
    )
    input_schema: Final[dict[str, Any]] = {
        "type": "object",
        "properties": {
            "program": PROGRAM_PROPERTY,
            "chunk_index": {"type": "integer", "minimum": 0, "description": "Position, counted from 0."},
            "total_chunks": {"type": "integer", "minimum": 1, "maximum": MAX_CHUNKS},
            "code": {"type": "string", "maxLength": MAX_CHUNK_CHARACTERS},
            "language": {
                "type": "string",
                "maxLength": 20,
                "description": "abap (default), python, json, xml or yaml.",
            },
        },
        "required": ["chunk_index", "total_chunks", "code"],
    }
    effect: Final = Effect.IDEMPOTENT
    time_limit: Final = 30.0
    runs: Final[Literal["server"]] = "server"

    def __init__(self, programs: Programs) -> None:
        self._programs = programs

    def announcement(self, input: dict[str, Any]) -> Step | None:
        """People see which chunk was meant, also when its text is missing."""
        index, total = input.get("chunk_index"), input.get("total_chunks")
        if type(index) is int and type(total) is int and 0 <= index < total:
            return _storing(index, total)
        return None

    async def run(self, call: Call) -> AsyncGenerator[Step | Outcome, None]:
        index, total = int(call.input["chunk_index"]), int(call.input["total_chunks"])
        code: str = call.input["code"]
        if problem := _refusal(index, total, code):
            yield Outcome(problem, "error")
            return
        try:
            named = named_in(call)
        except BadProgramName as refused:
            yield Outcome(str(refused), "error")
            return
        place = f"{index + 1}/{total}"
        yield _storing(index, total)
        language = call.input.get("language")
        state = await self._programs.put_chunk(
            call.user,
            named.name,
            index=index,
            total=total,
            code=code,
            language=languages.canonical(language) if language else None,
        )
        yield Outcome(
            f"Chunk {place} of {named.name} {_CHANGES[state.change]}. {_remaining(state)}{named.note}",
            summary=f"chunk {place} of {named.name}",
        )

    async def reconcile(self, call: Call) -> Outcome | None:
        return None


def _storing(index: int, total: int) -> Step:
    return Step(f"Storing chunk {index + 1}/{total}...", "chunking", percent=round((index + 1) / total * 100, 2))


def _refusal(index: int, total: int, code: str) -> str | None:
    if index >= total:
        return f"chunk_index counts from 0, so with total_chunks {total} the last one is {total - 1}, not {index}"
    if "\0" in code:
        return "code contains a NUL character; source code has none"
    try:
        code.encode()
    except UnicodeEncodeError as broken:
        return f"code is not valid Unicode: a lone surrogate at character {broken.start}"
    return None


def _remaining(state: StoredState) -> str:
    if state.missing:
        return f"Still missing of {state.total}: chunk_index {spans(state.missing)}."
    return f"All {state.total} chunks are stored."
