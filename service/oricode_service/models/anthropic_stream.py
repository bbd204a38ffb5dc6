"""Anthropic's event stream, decoded: bytes in, deltas out.

In: chunks of a Messages API stream, split anywhere. Out: the deltas each chunk completed. Ignores ``ping``, event and
delta types it does not know, comments, and whatever follows ``message_stop``. What breaks the stream (an ``error``
event, data that is no JSON, a known event of the wrong shape) is kept in ``failure``, so that the deltas before it are
not lost. No I/O and no SDK; this is the hot loop, so it splits bytes itself and builds nothing it does not hand on.

A long answer comes as hundreds of deltas a read that differ only in their text, written alike to the last byte. Those
are cut at the bytes they share and their texts decoded all at once; whatever is not as expected takes the way of the
standard, event by event.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from oricode_protocol import codec

from .failures import DROPPED, failure, from_event
from .port import (
    Delta,
    Kind,
    Pieces,
    Redacted,
    Signature,
    Stop,
    Text,
    Thinking,
    ToolInput,
    ToolUse,
    UpstreamFailure,
    Usage,
)

MAX_EVENT_BYTES = 32 * 1024 * 1024
"""An event longer than this is not one: the stream is broken, and waiting for its end would eat the memory."""
_BETWEEN = b"\n\n"
_FIELDS: dict[Kind, bytes] = {
    Text: b'"text_delta","text"',
    Thinking: b'"thinking_delta","thinking"',
    ToolInput: b'"input_json_delta","partial_json"',
}


class MessageStream:
    """Decoder of one answer. Feed it until ``stopped`` or ``failure`` is set; both are final."""

    def __init__(self, secret: str = "") -> None:
        self.stopped = False
        """``message_stop`` was seen, the answer is complete."""
        self.failure: UpstreamFailure | None = None
        self._secret = secret
        self._rest = b""
        self._after_cr = False
        self._model: str | None = None
        self._stop_reason: str | None = None
        self._tools_seen = False
        self._whole_inputs: dict[int, Any] = {}
        """Tool inputs that came complete with their block's start (some compatible servers), until told otherwise."""
        self._expect(Text, 0)

    def feed(self, chunk: bytes) -> list[Delta]:
        """Take the next chunk; return the deltas it completed, often none."""
        if self._after_cr or b"\r" in chunk:
            chunk = self._with_line_feeds(chunk)
        if not self._rest and (one := self._single(chunk)) is not None:
            return one
        deltas: list[Delta] = []
        kind, index = self._kind, self._index
        rest = self._rest + chunk
        # A compiled pattern: ``bytes.split`` prepares its search anew for each piece, which took twice as long.
        first, *alike = self._shared.split(_BETWEEN + rest)
        if alike:
            last = alike.pop()
            if last.endswith(_BETWEEN) and last.find(_BETWEEN) == len(last) - len(_BETWEEN):
                alike.append(last[: -len(_BETWEEN)])
                last = b""
            else:  # not complete, or others follow
                last = self._lead + last
        if alike and (texts := _texts(alike)) is not None:
            self._take_blocks(first.split(_BETWEEN), deltas)
            if self.failure or self.stopped:
                return deltas
            if kind is ToolInput:
                self._whole_inputs.pop(index, None)
            if texts:
                deltas.append(Pieces(kind, index, texts))
            rest = last
        blocks = rest.split(_BETWEEN)
        self._rest = blocks.pop()
        self._take_blocks(blocks, deltas)
        if len(self._rest) > MAX_EVENT_BYTES:
            self.failure = failure(DROPPED, "The model's answer is garbled.")
        return deltas

    def _single(self, chunk: bytes) -> list[Delta] | None:
        """The usual read of a slow answer: one whole delta of the open block. None = something else."""
        if not (chunk.startswith(self._lead) and chunk.endswith(_BETWEEN)):
            return None
        encoded = chunk[len(self._lead) : -len(_BETWEEN)].rstrip(b" }")
        if b"\n" in encoded:  # several
            return None
        try:
            text = codec.loads(encoded)
        except codec.MalformedJson:
            return None
        if type(text) is not str:
            return None
        kind = self._kind
        if kind is ToolInput:
            self._whole_inputs.pop(self._index, None)
        return [kind(self._index, text)] if text else []

    def _take_blocks(self, blocks: list[bytes], deltas: list[Delta]) -> None:
        """Take whole events, one by one."""
        for block in blocks:
            # The usual block is two lines, "event: …" and "data: …"; anything else takes the way of the standard.
            head, _, data = block.partition(b"\ndata: ")
            if b"\n" in data or b"\n" in head or not head.startswith(b"event:"):
                data = _data(block)
            if not data:
                continue
            try:
                self._take(codec.loads(data), deltas)
            except (codec.MalformedJson, KeyError, TypeError, AttributeError):
                if _is_foreign(block):
                    continue
                self.failure = failure(DROPPED, "The model's answer is garbled.")
            if self.failure or self.stopped:
                return

    def _expect(self, kind: Kind, index: int) -> None:
        """Block ``index`` was opened: most of what follows will be its deltas."""
        self._kind, self._index = kind, index
        self._lead, self._shared = _shared(_FIELDS[kind], index)

    def _take(self, event: dict[str, Any], deltas: list[Delta]) -> None:
        kind = event["type"]
        if kind == "content_block_delta":
            index = _index(event["index"])
            delta = event["delta"]
            what = delta["type"]
            if what == "text_delta":
                if text := _text(delta["text"]):
                    deltas.append(Text(index, text))
            elif what == "input_json_delta":
                if piece := _text(delta["partial_json"]):
                    self._whole_inputs.pop(index, None)
                    deltas.append(ToolInput(index, piece))
            elif what == "thinking_delta":
                if text := _text(delta["thinking"]):
                    deltas.append(Thinking(index, text))
            elif what == "signature_delta" and (signature := _text(delta["signature"])):
                deltas.append(Signature(index, signature))
        elif kind == "content_block_start":
            self._start_block(_index(event["index"]), event["content_block"], deltas)
        elif kind == "content_block_stop":
            if (whole := self._whole_inputs.pop(event["index"], None)) is not None:
                deltas.append(ToolInput(event["index"], codec.dumps(whole).decode()))
        elif kind == "message_start":
            message = event["message"]
            self._model = message.get("model")
            _usage(message.get("usage"), deltas)
        elif kind == "message_delta":
            change = event["delta"]
            self._stop_reason = change.get("stop_reason") or self._stop_reason
            if change.get("stop_sequence") and self._stop_reason == "end_turn":
                self._stop_reason = "stop_sequence"  # llama.cpp fills in the sequence only
            _usage(event.get("usage"), deltas)
        elif kind == "message_stop":
            reason = self._stop_reason or ("tool_use" if self._tools_seen else "end_turn")
            deltas.append(Stop(reason, self._model))
            self.stopped = True
        elif kind == "error":
            self.failure = from_event(event, secret=self._secret)

    def _start_block(self, index: int, block: dict[str, Any], deltas: list[Delta]) -> None:
        kind = block["type"]
        if kind == "tool_use":
            self._expect(ToolInput, index)
            self._tools_seen = True
            deltas.append(ToolUse(index, _text(block["id"]), _text(block["name"])))
            if block.get("input"):
                self._whole_inputs[index] = block["input"]
        elif kind == "text":
            self._expect(Text, index)
            if text := block.get("text"):
                deltas.append(Text(index, _text(text)))
        elif kind == "thinking":
            self._expect(Thinking, index)
            if text := block.get("thinking"):
                deltas.append(Thinking(index, _text(text)))
            if signature := block.get("signature"):
                deltas.append(Signature(index, _text(signature)))
        elif kind == "redacted_thinking":
            deltas.append(Redacted(index, _text(block["data"])))

    def _with_line_feeds(self, chunk: bytes) -> bytes:
        """``chunk`` with CR and CRLF turned into LF. JSON has no raw CR, so none is lost."""
        if self._after_cr and chunk.startswith(b"\n"):
            chunk = chunk[1:]  # second half of a CRLF that fell between two chunks
            if not chunk:
                self._after_cr = False
                return chunk
        if chunk:
            self._after_cr = chunk.endswith(b"\r")
        return chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


_EVENTS = (
    b"message_start", b"message_delta", b"message_stop",
    b"content_block_start", b"content_block_delta", b"content_block_stop", b"error",
)  # fmt: skip


@lru_cache(64)
def _shared(field: bytes, index: int) -> tuple[bytes, re.Pattern[bytes]]:
    """What stands before the text in every delta of a block, and a search for it from the end of the event before."""
    lead = b'event: content_block_delta\ndata: {"type":"content_block_delta","index":%d,"delta":{"type":%b:' % (
        index,
        field,
    )
    return lead, re.compile(re.escape(_BETWEEN + lead))


def _texts(alike: list[bytes]) -> list[str] | None:
    """The texts that stand before the closing braces; None when anything else stands there.

    A line feed may not stand in a JSON string, so none reaches over one, and as many strings as parts means one each.
    """
    try:
        texts: list[str] = codec.loads(b"[" + b",\n".join([part.rstrip(b" }") for part in alike]) + b"]")
    except codec.MalformedJson:
        return None
    if len(texts) != len(alike) or set(map(type, texts)) != {str}:
        return None
    return list(filter(None, texts)) if "" in texts else texts


def _is_foreign(block: bytes) -> bool:
    """Whether a block that makes no sense is named as an event we do not know, and therefore none of our business."""
    for line in block.split(b"\n"):
        if line.startswith(b"event:"):
            return line[6:].strip() not in _EVENTS
    return False


def _data(block: bytes) -> bytes:
    """The ``data`` of any block the standard allows: several lines, no space after the colon, no event line."""
    lines = [line[5:].removeprefix(b" ") for line in block.split(b"\n") if line.startswith(b"data:")]
    return b"\n".join(lines)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    raise TypeError("text expected")


def _index(value: Any) -> int:
    if isinstance(value, int):
        return value
    raise TypeError("a block's index is a number")


def _usage(usage: dict[str, Any] | None, deltas: list[Delta]) -> None:
    if usage:
        counts = {key: usage[key] for key in Usage.__slots__ if isinstance(usage.get(key), int)}
        deltas.append(Usage(**counts))
