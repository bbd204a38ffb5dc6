"""The system prompt, composed of parts: text files of this folder, then what is particular to the chat and its user.

In: client type, chat title, user, and what the request itself said (``system``). Out: text blocks of the Messages API,
the same for everybody first, with ``cache_control`` at its end, so that the provider reads that prefix from its cache.
What people wrote (title, name) is quoted as one line each, never mixed into the instructions. Unknown client types get
the default part.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

from oricode_protocol import codec

CLIENT_TYPES = ("eclipse", "vscode")
"""Those with a part of their own."""
_LONGEST_QUOTE = 200


def compose(
    client_type: str | None, chat_title: str, user: str, extra_system: str | None = None
) -> list[dict[str, Any]]:
    """The system blocks for one run; ``extra_system`` goes last, as the request's own word."""
    blocks: list[dict[str, Any]] = [
        {"type": "text", "text": _stable(_part(client_type)), "cache_control": {"type": "ephemeral"}},
        {"type": "text", "text": _about(user, chat_title)},
    ]
    if extra_system and extra_system.strip():
        blocks.append({"type": "text", "text": extra_system})
    return blocks


def _part(client_type: str | None) -> str:
    return client_type if client_type in CLIENT_TYPES else "default"


def _about(user: str, chat_title: str) -> str:
    chat = f" The chat is titled {_quoted(chat_title)}." if chat_title.strip() else ""
    return f"The user is {_quoted(user)}.{chat}"


@cache
def _stable(client: str) -> str:
    folder = files(__package__)
    names = ("assistant", "tools", client)
    return "\n\n".join(folder.joinpath(f"{name}.md").read_text(encoding="utf-8").strip() for name in names)


def _quoted(text: str) -> str:
    """``text`` as one short line in quotation marks."""
    return codec.dumps(" ".join(codec.mend(text).split())[:_LONGEST_QUOTE]).decode()
