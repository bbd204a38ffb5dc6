"""The one codec: values to JSON bytes and back. Nothing else in the project encodes or decodes JSON.

Any text a model can produce passes through. orjson does the work; what it refuses is handled here:

* a lone surrogate (half of an emoji split over two deltas) is written as a ``\\udXXX`` escape (RFC 8259 section 8.2)
  and read back as such;
* U+0085, U+2028 and U+2029 are escaped, so that line readers that take them for line ends (Python's
  ``str.splitlines``, some JavaScript) still see one line.
"""

from __future__ import annotations

import json
from dataclasses import fields
from math import isfinite
from typing import Any

import orjson

from .events import Event

_NAMES: dict[type[Event], tuple[str, ...]] = {}
"""Field names of the events met so far: asking the dataclass costs more than encoding."""


class MalformedJson(ValueError):
    """The bytes are not JSON in UTF-8."""


_ROOMY = 16 * 1024
"""Bytes up to which what orjson leaves unused weighs more than a copy."""


def dumps(value: Any) -> bytes:
    """``value`` as one line of JSON; raises TypeError for what JSON cannot hold."""
    data = _dumps(value)
    # orjson's result stands in a buffer of 4 KiB and more, which it holds as long as it lives, and these are kept.
    return data[:-1] + data[-1:] if len(data) < _ROOMY else data


def _dumps(value: Any) -> bytes:
    try:
        data = orjson.dumps(value)
    except TypeError:
        # Lone surrogates, or integers beyond 64 bits. The stdlib writes everything outside ASCII as escapes.
        return json.dumps(_finite(value), ensure_ascii=True, separators=(",", ":"), allow_nan=False).encode("ascii")
    return _one_line(data)


def _finite(value: Any) -> Any:
    """``value`` with null for numbers without an end, as orjson writes them: a text may hold 1e400."""
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, list | tuple) else value


def _one_line(data: bytes) -> bytes:
    """What some readers take for line ends, escaped."""
    # The two-byte prefixes are looked for first: one pass that almost never finds anything.
    if b"\xe2\x80" in data:
        data = data.replace(b"\xe2\x80\xa8", b"\\u2028").replace(b"\xe2\x80\xa9", b"\\u2029")
    if b"\xc2\x85" in data:
        data = data.replace(b"\xc2\x85", b"\\u0085")
    return data


def canonical(value: Any) -> bytes:
    """``value`` as JSON with sorted keys and ASCII only: equal values give equal bytes, fit for a digest."""
    return json.dumps(value, sort_keys=True, ensure_ascii=True, separators=(",", ":")).encode("ascii")


def loads(data: bytes | str) -> Any:
    """The value of a JSON text; raises :class:`MalformedJson`."""
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        # orjson refuses lone surrogate escapes, which RFC 8259 allows; the stdlib takes them.
        try:
            text = data if isinstance(data, str) else data.decode("utf-8")
            return json.loads(text, parse_constant=_no_constant)
        except (ValueError, RecursionError) as error:
            raise MalformedJson(str(error)) from None


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def mend(text: str) -> str:
    """``text`` as valid Unicode: surrogate pairs joined, lone surrogates replaced by U+FFFD."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def event_data(event: Event) -> dict[str, Any]:
    """The ``data`` object of an event: its fields without those that are None."""
    names = _NAMES.get(type(event))
    if names is None:
        names = _NAMES[type(event)] = tuple(field.name for field in fields(event))
    return {name: value for name in names if (value := getattr(event, name)) is not None}


def encode(event: Event) -> bytes:
    """The ``data`` of an event as JSON bytes. The one place where events become bytes."""
    return dumps(event_data(event))


def _paired(texts: list[str]) -> list[str]:
    """``texts`` with no character cut in two: a first half goes to where the second is."""
    whole = list(texts)
    for place in range(len(whole) - 1):
        if "\ud800" <= whole[place][-1:] <= "\udbff" and "\udc00" <= whole[place + 1][:1] <= "\udfff":
            whole[place + 1] = whole[place][-1] + whole[place + 1]
            whole[place] = whole[place][:-1]
    return whole


def encode_texts(texts: list[str], index: int) -> bytes:
    """The ``data`` of one ``content`` or ``thinking`` event per text, one a line: as :func:`encode`, all at once.

    Encoded with indentation, a line feed stands between two strings and in none of them: a text may hold or be any
    punctuation of JSON's.
    """
    tail = b',"index":%d}' % index
    if len(texts) == 1:
        return b'{"text":' + _dumps(texts[0]) + tail
    try:
        data = _one_line(orjson.dumps(texts, option=orjson.OPT_INDENT_2))
    except TypeError:  # as in `dumps`
        data = json.dumps(_paired(texts), ensure_ascii=True, indent=2).encode("ascii")
    return b'{"text":' + data[4:-2].replace(b",\n  ", tail + b'\n{"text":') + tail
