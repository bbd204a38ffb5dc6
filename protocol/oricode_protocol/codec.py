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
from typing import Any

import orjson

from .events import Event

_NAMES: dict[type[Event], tuple[str, ...]] = {}
"""Field names of the events met so far: asking the dataclass costs more than encoding."""


class MalformedJson(ValueError):
    """The bytes are not JSON in UTF-8."""


def dumps(value: Any) -> bytes:
    """``value`` as one line of JSON; raises TypeError for what JSON cannot hold."""
    return _dumps(value, 0, ",")


def _dumps(value: Any, option: int, comma: str) -> bytes:
    try:
        data = orjson.dumps(value, option=option)
    except TypeError:
        # Lone surrogates, or integers beyond 64 bits. The stdlib writes everything outside ASCII as escapes.
        return json.dumps(value, ensure_ascii=True, separators=(comma, ":"), allow_nan=False).encode("ascii")
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


def encode_texts(texts: list[str], index: int) -> bytes:
    """The ``data`` of one ``content`` or ``thinking`` event per text, one a line: as :func:`encode`, all at once.

    The array is indented for the sake of what then stands between two strings: a line end, which no encoded string
    holds. Without it, ``","`` would be between two strings as well as in the text of a comma.
    """
    tail = b',"index":%d}' % index
    listed = _dumps(texts, orjson.OPT_INDENT_2, ",\n  ").strip(b"[]\n ")
    return b'{"text":' + listed.replace(b",\n  ", tail + b'\n{"text":') + tail
