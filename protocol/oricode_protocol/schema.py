"""JSON Schema (2020-12) of the wire, generated from the Python types.

``python -m oricode_protocol.schema`` prints it; the copy in ``protocol/schema.json`` is what the TypeScript types and
the Java records are generated from, and a stale copy fails the check.
"""

from __future__ import annotations

import sys
from dataclasses import MISSING, Field, fields
from inspect import cleandoc
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from .codec import dumps
from .commands import COMMANDS, Feedback
from .errors import TABLE
from .events import EVENTS
from .lifecycle import TRANSITIONS

PROTOCOL_VERSION = 1
_PRIMITIVES: dict[Any, dict[str, Any]] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
}


def schema() -> dict[str, Any]:
    """The whole contract: one definition an event and a command, the error table and the lifecycle as extensions."""
    definitions = {_title(cls): _object(cls) for cls in EVENTS.values()}
    definitions |= {_title(cls) + "Command": _object(cls) for cls in (*COMMANDS.values(), Feedback)}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Oricode streaming protocol",
        "version": PROTOCOL_VERSION,
        "$defs": definitions,
        "events": {name: {"$ref": f"#/$defs/{_title(cls)}", "durable": cls.durable} for name, cls in EVENTS.items()},
        "commands": {name: {"$ref": f"#/$defs/{_title(cls)}Command"} for name, cls in COMMANDS.items()},
        "errors": {
            code: {
                "blame": row.blame.value,
                "status": row.status,
                "close": row.close,
                "retryable": row.retryable,
            }
            for code, row in TABLE.items()
        },
        "lifecycle": {
            state.value: {event: after.value for event, after in exits.items()} for state, exits in TRANSITIONS.items()
        },
    }


def _title(cls: type[Any]) -> str:
    return cls.__name__


def _object(cls: type[Any]) -> dict[str, Any]:
    hints = get_type_hints(cls)
    properties: dict[str, Any] = {}
    required: list[str] = []
    for field in fields(cls):
        name = field.name.rstrip("_")
        properties[name], optional = _type(hints[field.name])
        if not optional and (_has_no_default(field) or cls in EVENTS.values()):
            required.append(name)
    return {
        "title": _title(cls),
        "description": cleandoc(cls.__doc__ or "").split("\n\n")[0].replace("\n", " "),
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": True,
    }


def _has_no_default(field: Field[Any]) -> bool:
    return field.default is MISSING and field.default_factory is MISSING


def _type(hint: Any) -> tuple[dict[str, Any], bool]:
    """The schema of a type and whether the value may be absent."""
    origin = get_origin(hint)
    if origin in (Union, UnionType):
        arms = [arm for arm in get_args(hint) if arm is not NoneType]
        return _type(arms[0])[0], len(arms) < len(get_args(hint))
    if origin is Literal:
        return {"type": "string", "enum": list(get_args(hint))}, False
    if origin is list:
        return {"type": "array", "items": _type(get_args(hint)[0])[0]}, False
    if origin is dict:
        return {"type": "object"}, False
    return dict(_PRIMITIVES[hint]), False


def text() -> str:
    """The schema as committed: readable, stable order."""
    import orjson

    return orjson.dumps(orjson.loads(dumps(schema())), option=orjson.OPT_INDENT_2).decode() + "\n"


if __name__ == "__main__":
    sys.stdout.write(text())
