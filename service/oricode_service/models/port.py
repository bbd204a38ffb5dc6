"""The provider port: what the engine asks of a model, and what a model may say.

In: a :class:`ModelCall` in the shape of Anthropic's Messages API. Out: lists of deltas, one list per upstream
read, so that a burst costs one wake-up. A provider knows nothing of runs, logs or transports, never retries
(the engine's turn does, it alone knows what was already shown), and never swallows a stream that broke.
Implemented by ``anthropic`` and ``scripted``; ``local`` is the Anthropic provider pointed at a child process.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class ModelCall:
    """One model call, complete: the same call sent twice asks the same question."""

    model: str
    """The provider's own name of the model, aliases already resolved."""
    messages: list[dict[str, Any]]
    """Conversation in Messages API form; the last one has role ``user``."""
    system: list[dict[str, Any]]
    """Text blocks, with ``cache_control`` marks where a prefix is stable."""
    tools: list[dict[str, Any]]
    """``{name, description, input_schema}``, some with ``cache_control``; empty when the turn may call none."""
    max_tokens: int
    thinking: dict[str, Any] | None = None
    metadata: dict[str, Any] | None = None
    """The client's own; a provider takes of it what it knows."""
    run_id: str = ""
    """Only for logs and for scripts that want to know who asks."""
    turn: int = 1
    eager: Callable[[list[Delta]], bool] | None = field(default=None, compare=False)
    """Takes deltas at their moment while whoever iterates waits: no task has to be woken for them.

    A provider may give them here instead of yielding them, as long as it returns True; after False it must yield,
    deltas or none, before it goes on. Must not block; what it raises, the stream raises."""


@dataclass(slots=True)
class Text:
    """A piece of answer text in content block ``index``."""

    index: int
    text: str


@dataclass(slots=True)
class Thinking:
    """A piece of visible reasoning in content block ``index``."""

    index: int
    text: str


@dataclass(slots=True)
class Signature:
    """Proof of a thinking block; must be sent back unchanged in the next turn, never shown."""

    index: int
    signature: str


@dataclass(slots=True)
class Redacted:
    """A thinking block the provider encrypted; sent back unchanged, never shown."""

    index: int
    data: str


@dataclass(slots=True)
class ToolUse:
    """Content block ``index`` is a call of tool ``name``; its input follows as ``ToolInput``."""

    index: int
    tool_call_id: str
    name: str


@dataclass(slots=True)
class ToolInput:
    """A piece of the JSON text of a tool call's input."""

    index: int
    partial_json: str


@dataclass(slots=True)
class Usage:
    """Tokens of this call so far; a later one replaces an earlier one field by field (None = unchanged)."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    cache_read_input_tokens: int | None = None


@dataclass(slots=True)
class Stop:
    """The message is complete. Nothing follows."""

    reason: str
    """``end_turn``, ``tool_use``, ``max_tokens``, ``stop_sequence``, ``refusal``, ``pause_turn``, …"""
    model: str | None = None
    """The model that answered, by its own word; None when it did not say."""


Kind = type[Text] | type[Thinking] | type[ToolInput]
"""The kinds of deltas that come in any number."""


@dataclass(slots=True)
class Pieces:
    """Several deltas of one kind and block that came in one read: what one object each would say, for less."""

    kind: Kind
    index: int
    pieces: list[str]

    def deltas(self) -> list[Text | Thinking | ToolInput]:
        """One object each."""
        return [self.kind(self.index, piece) for piece in self.pieces]


Delta = Text | Thinking | Signature | Redacted | ToolUse | ToolInput | Pieces | Usage | Stop


class UpstreamFailure(Exception):
    """The call failed. ``code`` is a row of the protocol's error table (``upstream_…``)."""

    def __init__(self, code: str, sentence: str, *, retryable: bool, retry_after: float | None = None) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence
        """What a person may read; never a key, a header or a raw body."""
        self.retryable = retryable
        self.retry_after = retry_after
        """Seconds the provider asked us to wait; None when it did not say."""


class UnknownModel(Exception):
    """A client named a model that is not available here."""

    def __init__(self, name: str, available: list[str], reason: str = "") -> None:
        self.name = name
        self.available = available
        """Names that work; ``claude-*`` stands for every Claude model."""
        shown = name if len(name) <= 100 else name[:99] + "…"
        self.sentence = f"The model {shown!r} is not available here. {reason}Available: {', '.join(available)}."
        """What a person may read."""
        super().__init__(self.sentence)


class Provider(Protocol):
    """A family of models behind one connection pool."""

    def stream(self, call: ModelCall) -> AsyncGenerator[list[Delta], None]:
        """Yield what the model says until its ``Stop``.

        Ends normally only after a ``Stop``; everything else, a quiet end included, raises
        :class:`UpstreamFailure`. Closing the generator (or cancelling its task) closes the upstream call at once.
        """
        ...

    async def close(self) -> None:
        """Release connections and child processes. No stream may be open."""
        ...


@dataclass(slots=True)
class Draft:
    """The message a stream is building: blocks as the Messages API wants them back, usage and stop reason."""

    usage: dict[str, int] = field(default_factory=dict)
    stop_reason: str | None = None
    model: str | None = None
    _blocks: dict[int, dict[str, Any]] = field(default_factory=dict)
    _pieces: dict[int, list[str]] = field(default_factory=dict)

    def add(self, delta: Delta) -> None:
        """Take one delta in. Deltas of one block arrive in order; blocks may interleave."""
        match delta:
            case Text(index, text):
                self.say(Text, index, [text])
            case Thinking(index, text):
                self.say(Thinking, index, [text])
            case ToolInput(index, partial_json):
                self.say(ToolInput, index, [partial_json])
            case Pieces(kind, index, pieces):
                self.say(kind, index, pieces)
            case Signature(index, signature):
                block = self._block(index, {"type": "thinking"})
                block["signature"] = block.get("signature", "") + signature
            case Redacted(index, data):
                self._blocks[index] = {"type": "redacted_thinking", "data": data}
            case ToolUse(index, tool_call_id, name):
                self._block(index, {"type": "tool_use", "id": tool_call_id, "name": name})
            case Usage():
                for key in Usage.__slots__:
                    if (value := getattr(delta, key)) is not None:
                        self.usage[key] = value
            case Stop(reason, model):
                self.stop_reason = reason
                self.model = model or self.model

    def _block(self, index: int, template: dict[str, Any]) -> dict[str, Any]:
        return self._blocks.setdefault(index, template)

    def say(self, kind: Kind, index: int, pieces: list[str]) -> None:
        """Take pieces of one block in."""
        if index not in self._blocks and kind is not ToolInput:
            self._blocks[index] = {"type": "text" if kind is Text else "thinking"}
        self._pieces.setdefault(index, []).extend(pieces)

    def blocks(self) -> list[tuple[int, dict[str, Any], str]]:
        """(index, block, joined text) in index order; for a tool call the text is the JSON of its input."""
        return [(i, dict(self._blocks[i]), "".join(self._pieces.get(i, ()))) for i in sorted(self._blocks)]
