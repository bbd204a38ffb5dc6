"""Tool inputs against their schemas, with complaints that a model can act on.

In: a JSON Schema and an input. Out: nothing, or sentences such as ``chunk_index must be an integer, got 'x'``.
References to other documents are never followed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
from jsonschema.exceptions import SchemaError, ValidationError
from jsonschema.protocols import Validator
from jsonschema.validators import Draft202012Validator, validator_for
from referencing import Registry
from referencing.exceptions import Unresolvable

_Told = Callable[[Any, Any], str]
"""From a keyword's value and what was given, what is wrong with it."""

_MOST_COMPLAINTS = 5
_LONGEST_VALUE = 60
_ARTICLES = {"integer": "an integer", "object": "an object", "array": "an array", "null": "null"}


class InputCheck:
    """The validator of one schema, made once. Raises :class:`BadSchema` for a schema that is none."""

    def __init__(self, schema: dict[str, Any]) -> None:
        kind = validator_for(schema, default=Draft202012Validator)
        try:
            kind.check_schema(schema)
        except SchemaError as error:
            raise BadSchema(f"its input schema is not valid: {error.message}") from error
        if schema.get("type") != "object":
            raise BadSchema("its input schema is not that of an object")
        self._validator: Validator = kind(schema, registry=Registry())

    def complaint(self, given: dict[str, Any]) -> str | None:
        """What is wrong with an input, in a sentence or a few; None when nothing is."""
        try:
            errors = sorted(self._validator.iter_errors(given), key=lambda error: list(map(str, error.absolute_path)))
        except Unresolvable as error:
            return f"the tool's own schema refers to something unknown: {error.ref}"
        if not errors:
            return None
        told = list(dict.fromkeys(_sentence(error) for error in errors))
        more = f"; and {len(told) - _MOST_COMPLAINTS} more" if len(told) > _MOST_COMPLAINTS else ""
        return "; ".join(told[:_MOST_COMPLAINTS]) + more


class BadSchema(ValueError):
    """A tool whose inputs cannot be checked cannot be offered; the text says why."""


def _sentence(error: ValidationError) -> str:
    where = error.json_path.removeprefix("$").lstrip(".") or "the input"
    told = _SENTENCES.get(str(error.validator))
    return f"{where} {told(error.validator_value, error.instance)}" if told else f"{where}: {error.message}"


def _type(wanted: Any, given: Any) -> str:
    kinds = wanted if isinstance(wanted, list) else [wanted]
    return f"must be {' or '.join(_ARTICLES.get(kind, f'a {kind}') for kind in kinds)}, got {_value(given)}"


def _limit(words: str) -> _Told:
    return lambda bound, given: f"must be {words} {bound}, got {_value(given)}"


def _size(words: str) -> _Told:
    return lambda bound, given: f"must have {words} {bound}, has {len(given)}"


def _value(given: Any) -> str:
    text = repr(given)
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}..."


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()


_SENTENCES: dict[str, _Told] = {
    "type": _type,
    "required": lambda names, given: f"lacks {', '.join(name for name in names if name not in given)}",
    "minimum": _limit("at least"),
    "maximum": _limit("at most"),
    "exclusiveMinimum": _limit("more than"),
    "exclusiveMaximum": _limit("less than"),
    "minLength": _size("a length of at least"),
    "maxLength": _size("a length of at most"),
    "minItems": _size("a number of items of at least"),
    "maxItems": _size("a number of items of at most"),
    "enum": lambda values, given: f"must be one of {', '.join(map(_json, values))}, got {_value(given)}",
    "const": lambda value, given: f"must be {_json(value)}, got {_value(given)}",
    "pattern": lambda pattern, given: f"must match {pattern}, got {_value(given)}",
}
