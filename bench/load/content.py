"""The text that a viewer of an answer is left with: what is compared with what the upstream said, before any timing.

In: an answer's raw bytes, head included. Out: the concatenated text of its deltas. Knows the three shapes the peers
have: ``{"text"}`` of the house's ``content``, ``{"data": {"text"}}`` of its WebSocket frames, and Anthropic's own
``{"delta": {"text"}}`` of plain proxies.
"""

from __future__ import annotations

import json
import re
from typing import Any

from .websocket import frames

_DATA = re.compile(rb"^data: ?(.*)$", re.MULTILINE)


def text_of(raw: bytes) -> str:
    """The text; ValueError for data that is no JSON."""
    head, _, body = raw.partition(b"\r\n\r\n")
    if head.startswith(b"HTTP/1.1 101"):
        return "".join(_piece(json.loads(frame)) for frame in frames(body))
    if b"transfer-encoding: chunked" in head.lower():
        body = dechunked(body)
    body = body.replace(b"\r\n", b"\n")
    return "".join(_piece(json.loads(data)) for data in _DATA.findall(body) if data != b"[DONE]")


def dechunked(body: bytes) -> bytes:
    """A body without its chunk sizes."""
    pieces, at = [], 0
    while (end := body.find(b"\r\n", at)) > 0:
        size = int(body[at:end].split(b";")[0], 16)
        if size == 0:
            break
        pieces.append(body[end + 2 : end + 2 + size])
        at = end + 2 + size + 2
    return b"".join(pieces)


def _piece(event: Any) -> str:
    if event.get("type") == "content_block_delta":
        return str(event["delta"].get("text", ""))
    if event.get("event") == "content":
        return str(event["data"]["text"])
    return str(event["text"]) if "text" in event and "index" in event else ""
