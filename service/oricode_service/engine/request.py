"""A chat request as the engine keeps it: checked, aliases resolved, stored with the run for any process to go on."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from hashlib import sha256
from typing import Any

from oricode_protocol import codec
from oricode_protocol.commands import Chat
from oricode_protocol.errors import error
from oricode_protocol.ids import is_id, new_id

from ..store.rows import NewRun

JsonObject = dict[str, Any]
_TOOL_NAME = re.compile(r"[A-Za-z0-9_-]{1,128}\Z", re.ASCII)
TITLE_CHARACTERS = 60
MAX_TOKENS = 200_000
MAX_BATCH_MS = 5000
MAX_IDEMPOTENCY_KEY = 200


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, and from where; labels go into metrics and reports."""

    user: str
    key_id: str
    transport: str
    arm: str = "streaming"


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What a run was asked to do."""

    messages: list[JsonObject]
    """New messages, ending with one of the user."""
    model: str
    """As routed: a name that leads to the same provider again after a restart."""
    tools: list[JsonObject]
    """Client tools in Messages API form."""
    max_tokens: int
    client_type: str | None
    system: str | None
    thinking: JsonObject | None
    metadata: JsonObject | None
    approvals: bool
    cancel_on_disconnect: bool

    def encode(self) -> bytes:
        """As JSON, for the store."""
        return codec.dumps(_shallow(self))

    @classmethod
    def decode(cls, data: bytes) -> RunRequest:
        """The inverse of :meth:`encode`."""
        return cls(**codec.loads(data))


def build(chat: Chat, model: str, max_tokens: int) -> RunRequest:
    """Check a chat request; raises ClientError with what to do. ``max_tokens``: the default."""
    messages = [_message(i, m) for i, m in enumerate(chat.messages or [])]
    if chat.prompt is not None:
        if not chat.prompt.strip():
            raise error("empty_prompt")
        messages.append({"role": "user", "content": chat.prompt})
    if not messages:
        raise error("empty_prompt")
    if messages[-1]["role"] != "user":
        raise error("empty_prompt", "`messages` must end with a user message.")
    if chat.chat_id is not None and not is_id(chat.chat_id):
        raise error("not_found", "There is no such chat.")
    if chat.max_tokens is not None and not 1 <= chat.max_tokens <= MAX_TOKENS:
        raise error("invalid_request", f"`max_tokens` must be between 1 and {MAX_TOKENS}.")
    if chat.batch_ms is not None and not 0 <= chat.batch_ms <= MAX_BATCH_MS:
        raise error("invalid_request", f"`batch_ms` must be between 0 and {MAX_BATCH_MS}.")
    key = chat.idempotency_key
    if key is not None and not (1 <= len(key) <= MAX_IDEMPOTENCY_KEY and key.isprintable()):
        raise error("invalid_request", f"`idempotency_key` must have 1 to {MAX_IDEMPOTENCY_KEY} printable characters.")
    return RunRequest(
        messages=messages,
        model=model,
        tools=[_tool(i, tool) for i, tool in enumerate(chat.tools or [])],
        max_tokens=chat.max_tokens or max_tokens,
        client_type=chat.client_type,
        system=chat.system,
        thinking=chat.thinking,
        metadata=chat.metadata,
        approvals=bool(chat.approvals),
        cancel_on_disconnect=chat.on_disconnect == "cancel",
    )


def new_run(
    asker: Asker, chat: Chat, wanted: RunRequest, origin: Mapping[str, str], *, max_live: int, now: int
) -> NewRun:
    """The row to create, in a new chat when the request names none. ``origin``: labels that tracing wants back."""
    labels = {
        "transport": asker.transport,
        "arm": asker.arm,
        "client_type": wanted.client_type or "unknown",
        "model": wanted.model,
        **origin,
    }
    return NewRun(
        run_id=new_id("run"),
        chat_id=chat.chat_id or new_id("chat"),
        new_chat=chat.chat_id is None,
        user=asker.user,
        key_id=asker.key_id,
        title=title(wanted.messages),
        request=wanted.encode(),
        labels=codec.dumps(labels),
        if_busy=chat.if_busy or "enqueue",
        idempotency_key=chat.idempotency_key,
        digest=digest(chat),
        max_live=max_live,
        now=now,
    )


def _shallow(values: RunRequest | Chat) -> JsonObject:
    """The fields by name; ``dataclasses.asdict`` would copy all that is in them first."""
    return {field.name: getattr(values, field.name) for field in fields(values)}


def _message(i: int, message: JsonObject) -> JsonObject:
    role, content = message.get("role"), message.get("content")
    if role not in ("user", "assistant"):
        raise error("invalid_request", f"`messages[{i}].role` must be user or assistant.")
    if isinstance(content, str):
        if not content.strip():
            raise error("empty_prompt", f"`messages[{i}].content` is empty.")
    elif not isinstance(content, list) or not content:
        raise error("invalid_request", f"`messages[{i}].content` must be a string or a non-empty list of blocks.")
    elif not all(isinstance(block, dict) and isinstance(block.get("type"), str) for block in content):
        raise error("invalid_request", f"Every block of `messages[{i}].content` must be an object with a `type`.")
    elif all(map(is_blank, content)):
        raise error("empty_prompt", f"`messages[{i}].content` is empty.")
    return {"role": role, "content": content}


def is_blank(block: JsonObject) -> bool:
    """Whether a content block is text without a word; the Messages API refuses those."""
    return block.get("type") == "text" and not str(block.get("text") or "").strip()


def _tool(i: int, tool: JsonObject) -> JsonObject:
    name, schema = tool.get("name"), tool.get("input_schema", {"type": "object"})
    if not isinstance(name, str) or not _TOOL_NAME.match(name):
        raise error("invalid_request", f"`tools[{i}].name` must match [A-Za-z0-9_-]{{1,128}}.")
    if not isinstance(schema, dict):
        raise error("invalid_request", f"`tools[{i}].input_schema` must be a JSON Schema object.")
    if not isinstance(tool.get("description", ""), str):
        raise error("invalid_request", f"`tools[{i}].description` must be a string.")
    return {"name": name, "description": tool.get("description", ""), "input_schema": schema}


def digest(chat: Chat) -> bytes:
    """Equal for bodies that ask the same: ``stream``, ``batch_ms`` and the idempotency key itself do not count."""
    body = _shallow(chat)
    for key in ("stream", "batch_ms", "idempotency_key"):
        del body[key]
    return sha256(codec.canonical(body)).digest()


def title(messages: list[JsonObject]) -> str:
    """A chat's first title: the beginning of what was asked first."""
    for message in messages:
        if message["role"] == "user":
            content = message["content"]
            blocks = content if isinstance(content, list) else [{"text": content}]
            text = " ".join(str(block.get("text", "")) for block in blocks)
            words = codec.mend(" ".join(text.replace("\0", " ").split()))
            if words:
                return words if len(words) <= TITLE_CHARACTERS else words[: TITLE_CHARACTERS - 1].rstrip() + "…"
    return "New chat"
