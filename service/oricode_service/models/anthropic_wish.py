"""A question to the Anthropic SDK and its answer, as plain values that cross a pipe and are kept in a file.

In: JSON, or values. Out: a :class:`Wish`, a :class:`Head`, or ValueError for what is none of them. Knows no SDK.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, NamedTuple

KEY = "the-key-goes-here"
"""Stands for the API key in a head, so that no head holds a secret."""
PATHS = ("/v1/messages", "/v1/messages/count_tokens")
_TARGET = re.compile(r"/[!-~]*")
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[^\x00-\x08\x0a-\x1f\x7f\u0100-\U0010ffff]*")


class Head(NamedTuple):
    """What is put before a request's body, without what belongs to the connection (``Host``, ``Content-Length``)."""

    target: str
    """Path and query, as in the request's first line."""
    headers: list[tuple[str, str]]

    @classmethod
    def of(cls, value: Any) -> Head:
        """From JSON. Raises ValueError for anything that would not go over the wire as one head."""
        try:
            target, headers = value
            found = cls(str(target), [(str(name), str(content)) for name, content in headers])
        except (TypeError, ValueError):
            raise ValueError("not the head of a request") from None
        fits = all(_NAME.fullmatch(name) and _VALUE.fullmatch(content) for name, content in found.headers)
        if not fits or not _TARGET.fullmatch(found.target):
            raise ValueError("not the head of a request")
        return found


@dataclass(frozen=True, slots=True)
class Wish:
    """What heads depend on, of what the service decides."""

    url: str
    """The server's address, with the beginning of all paths."""
    read_timeout: float
    connect_timeout: float
    keep_alive: bool
    paths: tuple[str, ...] = PATHS

    def json(self) -> dict[str, Any]:
        """For :meth:`of`."""
        return {
            "url": self.url,
            "read_timeout": self.read_timeout,
            "connect_timeout": self.connect_timeout,
            "keep_alive": self.keep_alive,
            "paths": list(self.paths),
        }

    @classmethod
    def of(cls, value: dict[str, Any]) -> Wish:
        """From its JSON."""
        return cls(**{**value, "paths": tuple(value["paths"])})


def heads_of(value: Any, paths: tuple[str, ...]) -> dict[str, Head]:
    """Heads for exactly these paths, from JSON. Raises ValueError."""
    if not isinstance(value, dict) or set(value) != set(paths):
        raise ValueError("not the heads that were asked for")
    return {path: Head.of(head) for path, head in value.items()}
