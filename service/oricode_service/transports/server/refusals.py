"""Answers given before, or instead of, the application: a whole HTTP response in bytes.

In: a code of the protocol's error table. Out: an ``application/problem+json`` response that closes the connection.
"""

from __future__ import annotations

from http import HTTPStatus

from oricode_protocol.codec import dumps
from oricode_protocol.errors import error

RETRY_SECONDS = 5.0
"""After which a refusal for want of room may have passed."""


class Refused(Exception):
    """The request is answered here; raised inside the parser's callbacks to stop it."""

    def __init__(self, code: str, sentence: str | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.sentence = sentence


def refusal(code: str, sentence: str | None = None) -> bytes:
    """The response for ``code``; ``sentence`` = other than the table's."""
    problem = error(code, sentence, retry_after=RETRY_SECONDS if code in _PASSING else None)
    body = dumps(problem.problem())
    status = HTTPStatus(problem.row.status)
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\n"
        "content-type: application/problem+json\r\n"
        f"content-length: {len(body)}\r\n"
        "cache-control: no-store\r\n"
        "connection: close\r\n"
    )
    if problem.retry_after is not None:
        head += f"retry-after: {problem.retry_after:.0f}\r\n"
    return head.encode("ascii") + b"\r\n" + body


_PASSING = frozenset({"unavailable", "too_many_connections"})
