"""Script files: YAML or JSON in, a :class:`Script` out.

    about: what this script shows
    rate: 200                     # characters per second; absent: all at once
    piece: 12                     # characters per delta
    scenes:
      - - think: The program is long, so I store it in parts.
        - say: I will store part 1.
        - pause: 1.5              # seconds
        - call: mcp_store_code_chunk
          input: {program: ZX, chunk_index: 0, total_chunks: 8, code: {file: zx.abap, part: 1, of: 8}}
      - - fail: upstream_overloaded
          times: 1                # the first attempt only; absent: every one
          retry_after: 2
        - say: Done.
        - stop: max_tokens        # absent: tool_use after calls, else end_turn
      - - stall: true             # silence until somebody gives up

``{file, part, of}`` inside an input is replaced by that part of a text file beside the script; a part begins at the
line above ``*& Part N``. Reads these files and nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml

from .failures import KINDS
from .script import Call, Fail, Pause, Say, Script, Stall, Step, Stop, Think


class BadScript(ValueError):
    """The file is not a script; the text says where and why."""


def load(path: Path) -> Script:
    """The script in a file. Raises :class:`BadScript`, OSError."""
    try:
        document = yaml.safe_load(path.read_text("utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise BadScript(f"{path.name}: {error}") from None
    if not isinstance(document, dict) or not isinstance(document.get("scenes"), list):
        raise BadScript(f"{path.name}: a script is a mapping with a list of scenes")
    scenes = []
    for number, steps in enumerate(document["scenes"], 1):
        if not isinstance(steps, list):
            raise BadScript(f"{path.name}: scene {number} is not a list of steps")
        scenes.append(tuple(_step(step, f"{path.name}, scene {number}", path.parent) for step in steps))
    try:
        rate, piece = float(document.get("rate", math.inf)), int(document.get("piece", 12))
    except (TypeError, ValueError):
        raise BadScript(f"{path.name}: rate and piece are numbers") from None
    if not rate > 0 or piece < 1:
        raise BadScript(f"{path.name}: rate and piece must be above 0")
    return Script(tuple(scenes), rate, piece, str(document.get("about", "")).strip())


_FIELDS: dict[str, set[str]] = {
    "say": set(), "think": set(), "pause": set(), "stall": set(), "stop": set(),
    "call": {"input"}, "fail": {"times", "retry_after"},
}  # fmt: skip


def _step(step: Any, where: str, folder: Path) -> Step:
    verbs = [key for key in step if key in _FIELDS] if isinstance(step, dict) else []
    if len(verbs) != 1:
        raise BadScript(f"{where}: a step is one of {', '.join(_FIELDS)}")
    verb = verbs[0]
    if odd := set(step) - _FIELDS[verb] - {verb}:
        raise BadScript(f"{where}: {verb} takes no {', '.join(map(str, odd))}")
    value = step[verb]
    make: dict[str, Callable[[], Step]] = {
        "say": lambda: Say(str(value)),
        "think": lambda: Think(str(value)),
        "pause": lambda: Pause(float(value)),
        "stall": Stall,
        "stop": lambda: Stop(str(value)),
        "call": lambda: Call(str(value), _resolved(dict(step.get("input") or {}), where, folder)),
        "fail": lambda: Fail(_code(value, where), step.get("times"), step.get("retry_after")),
    }
    try:
        return make[verb]()
    except (TypeError, ValueError) as error:
        raise error if isinstance(error, BadScript) else BadScript(f"{where}: {verb}: {error}") from None


def _code(value: Any, where: str) -> str:
    if value not in KINDS:
        raise BadScript(f"{where}: fail is one of {', '.join(KINDS)}")
    return str(value)


def _resolved(value: Any, where: str, folder: Path) -> Any:
    """``value`` with every ``{file, part, of}`` replaced by the text it points at."""
    if isinstance(value, list):
        return [_resolved(item, where, folder) for item in value]
    if not isinstance(value, dict):
        return value
    if set(value) != {"file", "part", "of"}:
        return {key: _resolved(item, where, folder) for key, item in value.items()}
    name = str(value["file"])
    if Path(name).name != name:
        raise BadScript(f"{where}: {name} must lie beside the script")
    parts = parts_of((folder / name).read_text("utf-8"))
    part, of = value["part"], value["of"]
    if of != len(parts) or not isinstance(part, int) or not 1 <= part <= of:
        raise BadScript(f"{where}: {name} has {len(parts)} parts, not part {part} of {of}")
    return parts[part - 1]


def parts_of(source: str) -> list[str]:
    """``source`` cut above each ``*& Part`` heading; the parts joined are the source again."""
    lines = source.splitlines(keepends=True)
    starts = [max(0, number - 1) for number, line in enumerate(lines) if line.startswith("*& Part ")]
    bounds = [0, *starts[1:], len(lines)]
    return ["".join(lines[a:b]) for a, b in pairwise(bounds)]
