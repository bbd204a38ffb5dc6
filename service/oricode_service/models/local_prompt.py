"""A call made fit for a very small model: plain text, no tools, and no more than its context holds.

In: the system blocks and messages of any call. Out: a :class:`PlainPrompt`, which can be made shorter step by step,
oldest messages first. Drops reasoning and tool calls, keeps what tools answered, names pictures instead of showing
them. Pure; the provider counts tokens and decides how often to shorten.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

SYSTEM_CHARACTERS = 1_500
"""A long system prompt written for a large model only confuses a small one."""
_RESULT_CHARACTERS = 1_000


@dataclass(frozen=True, slots=True)
class PlainPrompt:
    """Alternating turns of plain text, the first and the last by the user."""

    system: str
    turns: tuple[tuple[str, str], ...]
    """``(role, text)``."""

    def messages(self) -> list[dict[str, Any]]:
        return [{"role": role, "content": text} for role, text in self.turns]

    def shortened(self, share: float) -> PlainPrompt | None:
        """About ``share`` (0-1) of the text, at least one step less; None when only the last message is left."""
        target = int(share * (len(self.system) + sum(len(text) for _, text in self.turns)))
        if len(self.turns) > 1:
            turns = self.turns[2:]  # question and answer go together
            while len(turns) > 1 and len(self.system) + sum(len(text) for _, text in turns) > target:
                turns = turns[2:]
            return replace(self, turns=turns)
        return replace(self, system="") if self.system else None


def plain(system: list[dict[str, Any]], messages: list[dict[str, Any]]) -> PlainPrompt:
    """Everything of the call that a small model can use. ``messages`` ends with one of the user."""
    turns: list[tuple[str, str]] = []
    for message in messages:
        role, text = message["role"], _text(message["content"])
        if not text:
            continue
        if turns and turns[-1][0] == role:
            turns[-1] = (role, f"{turns[-1][1]}\n\n{text}")
        elif turns or role == "user":
            turns.append((role, text))
    if not turns or turns[-1][0] != "user":
        turns.append(("user", "(nothing)"))
    return PlainPrompt(_clipped(_text(system), SYSTEM_CHARACTERS), tuple(turns))


def _text(content: str | list[dict[str, Any]]) -> str:
    if isinstance(content, str):
        return content.strip()
    return "\n\n".join(part for block in content if (part := _block_text(block)))


def _block_text(block: dict[str, Any]) -> str:
    match block.get("type"):
        case "text":
            return str(block.get("text", "")).strip()
        case "tool_result":
            result = _clipped(_text(block.get("content") or ""), _RESULT_CHARACTERS)
            return f"A tool answered: {result}" if result else ""
        case "image" | "document" as kind:
            return f"[{kind}]"
    return ""


def _clipped(text: str, characters: int) -> str:
    """The beginning of ``text``, cut between lines where that loses less than half."""
    if len(text) <= characters:
        return text
    end = text.rfind("\n", characters // 2, characters)
    return text[: end if end > 0 else characters].rstrip()
