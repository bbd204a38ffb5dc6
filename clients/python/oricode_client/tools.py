"""Client tools: plain functions that run here when the model calls them.

In: a function with type hints, marked by :func:`tool`. Out: the definition that goes into the chat request, and the
answer to a call. Whatever the function raises becomes an error result for the model: it never ends the run.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints, overload

from oricode_protocol import codec

from .wire import JsonObject

Function = Callable[..., Any]
_TYPES: dict[Any, str] = {
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    list: "array",
    dict: "object",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back to the model."""

    content: str
    is_error: bool = False


@dataclass(frozen=True)
class ClientTool:
    """A function the model may call. It can still be called as the function it was."""

    function: Function
    name: str
    description: str
    input_schema: JsonObject

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(*args, **kwargs)

    @property
    def definition(self) -> JsonObject:
        """The tool as the chat request wants it."""
        return {"name": self.name, "description": self.description, "input_schema": self.input_schema}

    async def answer(self, arguments: JsonObject) -> Answer:
        """Run the function with the model's arguments; one that is not ``async`` runs in a thread."""
        try:
            inspect.signature(self.function).bind(**arguments)
        except TypeError as complaint:
            return Answer(f"{self.name}: {complaint}", is_error=True)
        if inspect.iscoroutinefunction(self.function):
            task = asyncio.ensure_future(self.function(**arguments))
        else:
            task = asyncio.ensure_future(asyncio.to_thread(self.function, **arguments))
        try:
            await asyncio.wait({task})
        finally:
            task.cancel()
        if task.cancelled():
            return Answer("The tool was cancelled.", is_error=True)
        if (failure := task.exception()) is not None:  # foreign code: any exception is the model's to read
            return Answer(f"{type(failure).__name__}: {failure}", is_error=True)
        value = task.result()
        return Answer(value if isinstance(value, str) else codec.dumps(value).decode())


@overload
def tool(function: Function, /) -> ClientTool: ...
@overload
def tool(
    *, name: str | None = None, description: str | None = None, input_schema: JsonObject | None = None
) -> Callable[[Function], ClientTool]: ...


def tool(
    function: Function | None = None,
    /,
    *,
    name: str | None = None,
    description: str | None = None,
    input_schema: JsonObject | None = None,
) -> ClientTool | Callable[[Function], ClientTool]:
    """Make a function a client tool.

    The name, the docstring and the type hints tell the model what it does and takes; each can be given instead.
    Raises TypeError for a parameter whose type says nothing to JSON Schema: give ``input_schema`` then.
    """

    def mark(function: Function) -> ClientTool:
        return ClientTool(
            function,
            name or function.__name__,
            description or inspect.getdoc(function) or "",
            input_schema or _schema(function),
        )

    return mark if function is None else mark(function)


def _schema(function: Function) -> JsonObject:
    hints = get_type_hints(function)
    properties: JsonObject = {}
    required = []
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise TypeError(f"{function.__name__}: `{name}` cannot be passed by name")
        properties[name] = _type(hints.get(name, str), f"{function.__name__}: `{name}`")
        if parameter.default is parameter.empty:
            required.append(name)
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _type(hint: Any, where: str) -> JsonObject:
    origin, arms = get_origin(hint), get_args(hint)
    if origin is Literal:
        return {"enum": list(arms)}
    if origin in (Union, UnionType):
        inner = [arm for arm in arms if arm is not NoneType]
        if len(inner) == 1:
            return _type(inner[0], where)
        return {"anyOf": [_type(arm, where) for arm in inner]}
    if origin is list:
        return {"type": "array", "items": _type(arms[0], where)}
    kind = _TYPES.get(origin or hint)
    if kind is None:
        raise TypeError(f"{where} has a type that JSON Schema has no word for; give `input_schema`")
    return {"type": kind}
