"""What a draft becomes when its turn is committed: content blocks for the chat, and its share of the run's fold.

In: a finished draft, or what there is of one that was stopped. Out: values; nothing is sent or stored here.
"""

from __future__ import annotations

from typing import Any

from oricode_protocol import codec
from oricode_protocol.fold import Fold

from ..models.port import Draft

JsonObject = dict[str, Any]
BAD_INPUT = "bad_input"
"""Our mark on a stored tool call whose input was no JSON object; never sent to a model."""


def content_of(draft: Draft) -> list[JsonObject]:
    """The message's content blocks as the Messages API wants them back.

    A tool call whose input is no JSON object gets the input ``{}`` and the mark :data:`BAD_INPUT`.
    """
    content: list[JsonObject] = []
    for _, block, text in draft.blocks():
        if block["type"] == "text":
            content.append({**block, "text": text})
        elif block["type"] == "thinking":
            content.append({**block, "thinking": text})
        elif block["type"] == "tool_use":
            value = _tool_input(text)
            content.append({**block, "input": value} if value is not None else {**block, "input": {}, BAD_INPUT: True})
        else:
            content.append(block)
    return content


def _tool_input(text: str) -> JsonObject | None:
    """A tool call's input; None when the text is no JSON object (cut off by a limit, or a model's mistake)."""
    try:
        value = codec.loads(text or "{}")
    except codec.MalformedJson:
        return None
    return value if isinstance(value, dict) else None


def fold_draft(fold: Fold, draft: Draft) -> None:
    """Fold in at once what viewers got in deltas."""
    for index, block, text in draft.blocks():
        if block["type"] == "text":
            fold.apply("content", {"text": text, "index": index})
        elif block["type"] == "thinking":
            fold.apply("thinking", {"text": text, "index": index})
        elif block["type"] == "tool_use":
            call = {"tool_call_id": block["id"], "name": block["name"], "index": index}
            fold.apply("tool_input", {**call, "partial_json": text})
