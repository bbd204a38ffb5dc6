"""Which program a call of a built-in tool means.

In: a call. Out: the canonical name, with a note for the model when the call named none; or the stored program, or an
error outcome that says what is wrong. One place, so that storing, checking and deploying always agree.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from .port import Call, Outcome
from .program_names import MAX_LENGTH, BadProgramName, canonical, default_name
from .programs import Program, Programs, spans

PROGRAM_PROPERTY: Final[dict[str, Any]] = {
    "type": "string",
    "minLength": 1,
    "maxLength": MAX_LENGTH,
    "description": "Name of the program, for ABAP the object's name, e.g. ZSALES_REPORT or /ACME/ZCL_ORDER.",
}
"""The ``program`` property of the built-in tools. Optional: older clients' prompts do not know it."""

_NAMES_LISTED = 20


@dataclass(frozen=True, slots=True)
class Named:
    """The program a call means."""

    name: str
    note: str
    """Empty, or a sentence (with a leading blank) telling the model which name was chosen for it."""


def named_in(call: Call) -> Named:
    """The canonical name; without one, the chat's own program. Raises :class:`BadProgramName`."""
    given = call.input.get("program")
    if given is not None:
        return Named(canonical(given), "")
    name = default_name(call.chat_id)
    return Named(name, f" No program was named, so it is {name}, the program of this chat.")


async def complete_program(programs: Programs, call: Call) -> Program | Outcome:
    """The stored program with all its chunks, or the error outcome to give instead."""
    try:
        name = named_in(call).name
    except BadProgramName as refused:
        return Outcome(str(refused), "error")
    program = await programs.program(call.user, name)
    if program is None:
        names = [entry.name for entry in await programs.programs(call.user)]
        known = ", ".join(names[:_NAMES_LISTED]) + (", ..." if len(names) > _NAMES_LISTED else "")
        return Outcome(f"There is no stored program {name}. Stored: {known or 'none'}.", "error")
    if program.missing:
        return Outcome(
            f"{name} is incomplete: {program.chunks} of {program.total} chunks are stored, missing are chunk_index "
            f"{spans(program.missing)}. Store them first.",
            "error",
            summary=f"{name} is incomplete",
        )
    return program
