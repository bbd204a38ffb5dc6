"""What the model sees: the messages of a chat from its committed steps, in Messages API form.

Whatever was interrupted is made whole: the API refuses a ``tool_use`` without its ``tool_result``, a message without
content, a text of nothing but white space, and an answer that ends in its thinking.
"""

from __future__ import annotations

from typing import Any

from oricode_protocol import codec

from ..store.rows import MessageRow
from .content import BAD_INPUT
from .request import is_blank

JsonObject = dict[str, Any]
THOUGHTS = ("thinking", "redacted_thinking")
REFUSED = "refused"
"""In the meta of a question that the provider refused: it stays in the chat, and is not asked again."""
INTERRUPTED = "The call was interrupted before a result was known."


def conversation(rows: list[MessageRow]) -> list[JsonObject]:
    """Messages API messages from stored rows; tool results are joined into the user message after their turn."""
    messages: list[JsonObject] = []
    open_calls: list[str] = []
    results: dict[str, JsonObject] = {}

    def settle() -> None:
        """Answer every open tool call, with its result or with the truth that there is none."""
        if open_calls:
            blocks = [results.get(call, _interrupted(call)) for call in open_calls]
            messages.append({"role": "user", "content": blocks})
        open_calls.clear()
        results.clear()

    for row in rows:
        if codec.loads(row.meta).get(REFUSED):
            continue
        content = codec.loads(row.content)
        if row.role == "tool":
            results[row.key] = content
            continue
        if row.role == "user":  # a history that a client brought along may hold the results itself
            answered = [block.get("tool_use_id") for block in _blocks(content)]
            open_calls[:] = [call for call in open_calls if call not in answered]
        settle()
        if isinstance(content, str):
            content = content if content.strip() else []
        else:
            content = [block for block in content if not is_blank(block)]
        if row.role == "assistant":
            content = [{key: block[key] for key in block if key != BAD_INPUT} for block in _blocks(content)]
            while content and content[-1].get("type") in THOUGHTS:
                content.pop()
            calls = [block.get("id") for block in content if block.get("type") == "tool_use"]
            open_calls.extend(call for call in calls if isinstance(call, str))
        if content:
            messages.append({"role": row.role, "content": content})
    settle()
    return _joined(messages)


def _interrupted(call: str) -> JsonObject:
    return {"type": "tool_result", "tool_use_id": call, "content": INTERRUPTED, "is_error": True}


def _joined(messages: list[JsonObject]) -> list[JsonObject]:
    """Neighbours of one role as one message, so that roles alternate."""
    out: list[JsonObject] = []
    for message in messages:
        if out and out[-1]["role"] == message["role"]:
            out[-1] = {"role": message["role"], "content": _blocks(out[-1]["content"]) + _blocks(message["content"])}
        else:
            out.append(message)
    return out


def _blocks(content: str | list[JsonObject]) -> list[JsonObject]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else list(content)
