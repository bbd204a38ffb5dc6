"""What a run must come to, derived from its name alone: provider and observer compute it independently of each other.

In: a prompt ``plan:<tag>:<seed>:<shape>``. Out: the turns of that run, each with its text in pieces and its tool calls.
Every piece of text is unique in the whole suite, so that a lost, doubled or foreign piece shows.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from typing import Any

ODD = ("ä€😀 ", "\u2028", "data: x\n\n", '"\\ud83d" ', "\r\n", "\x85", "<b> ")
"""Pieces that break careless framing, strewn into the text."""
_PROMPT = re.compile(r"plan:([A-Za-z0-9]+):(\d+):([a-z]+)")


@dataclass(frozen=True)
class PlannedCall:
    """A tool call the provider makes; ``ticket`` is set when the external counter counts it."""

    id: str
    name: str
    input: dict[str, Any]
    ticket: str | None = None


@dataclass(frozen=True)
class PlannedTurn:
    """One answer of the provider; ``gap`` in seconds between pieces."""

    pieces: list[str]
    gap: float
    calls: list[PlannedCall]


@dataclass(frozen=True)
class Plan:
    """A whole run."""

    tag: str
    turns: list[PlannedTurn]

    @property
    def text(self) -> str:
        """What a viewer must be left with."""
        return "".join("".join(turn.pieces) for turn in self.turns)

    @property
    def tickets(self) -> list[str]:
        """Effects that may happen at most once each."""
        return [call.ticket for turn in self.turns for call in turn.calls if call.ticket]


def prompt(tag: str, seed: int, shape: str) -> str:
    """What to ask for; shapes: mixed, text, effect, upload, long; slow and busy last ``seed`` seconds."""
    return f"plan:{tag}:{seed}:{shape}"


def of_prompt(text: str) -> Plan | None:
    """The plan of a prompt; None when it is none."""
    found = _PROMPT.search(text)
    return make(found[1], int(found[2]), found[3]) if found else None


def make(tag: str, seed: int, shape: str) -> Plan:
    rng = random.Random(f"{tag}:{seed}")
    kinds = {
        "text": ["text"],
        "long": ["text"],
        "slow": ["text"],
        "busy": ["text"],
        "effect": ["effect", "text"],
        "upload": ["chunk", "chunk", "check", "deploy", "text"],
        "mixed": [rng.choice(["text+", "chunk", "effect", "effect", "two"]) for _ in range(rng.randint(1, 4))]
        + ["text"],
    }[shape]
    chunks = kinds.count("chunk")
    if shape in ("slow", "busy"):
        count = max(4, seed // 20 if shape == "slow" else seed * 3)
        return Plan(tag, [PlannedTurn([f"{tag}.1.{i} " for i in range(count)], seed / count, [])])
    return Plan(tag, [_turn(tag, number, kind, chunks, shape, rng) for number, kind in enumerate(kinds, 1)])


def _turn(tag: str, number: int, kind: str, chunks: int, shape: str, rng: random.Random) -> PlannedTurn:
    count = 400 if shape == "long" else rng.randint(6, 40)
    gap = 0.004 if shape == "long" else rng.choice((0.0, 0.004, 0.01, 0.02))
    pieces = [f"{tag}.{number}.{i} " + (rng.choice(ODD) if rng.random() < 0.1 else "") for i in range(count)]
    program = f"Z{tag}".upper()[:28]

    def call(name: str, place: int, data: dict[str, Any], ticket: str | None = None) -> PlannedCall:
        return PlannedCall(f"toolu_{tag}_{number}_{place}", name, data, ticket)

    def effect(place: int) -> PlannedCall:
        ticket = f"{tag}-{number}-{place}"
        return call("counter__deploy", place, {"ticket": ticket, "seconds": round(rng.uniform(0, 0.5), 2)}, ticket)

    calls: list[PlannedCall] = []
    if kind == "effect":
        calls = [effect(0)]
    elif kind == "two":
        calls = [effect(0), effect(1)]
    elif kind == "text+":
        calls = [call("mcp_check_syntax", 0, {"program": program})]
    elif kind == "chunk":
        index = number - 1 if shape == "upload" else 0
        code = f"# {tag} {number}\n"
        total = chunks if shape == "upload" else 1
        data = {"program": program, "chunk_index": index, "total_chunks": total, "code": code, "language": "python"}
        calls = [call("mcp_store_code_chunk", 0, data)]
    elif kind == "check":
        calls = [call("mcp_check_syntax", 0, {"program": program})]
    elif kind == "deploy":
        calls = [call("mcp_deploy_stored_code", 0, {"program": program})]
    return PlannedTurn(pieces, gap, calls)
