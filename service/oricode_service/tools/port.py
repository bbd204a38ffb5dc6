"""The tool port: what the engine asks of a tool, and what a tool may say.

In: a :class:`Call` whose input already fits the tool's JSON schema. Out: any number of :class:`Step`, then exactly
one :class:`Outcome`. A tool knows nothing of events, logs or viewers. Implemented by ``chunks``, ``syntax``,
``deploy`` and ``mcp``.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from enum import Enum
from typing import Any, Literal, Protocol, runtime_checkable


class Effect(Enum):
    """What running a tool again would do; decides what recovery may do after a crash."""

    PURE = "pure"
    """Changes nothing: run again freely."""
    IDEMPOTENT = "idempotent"
    """Running it twice leaves the same state as once: run again freely."""
    EFFECT = "effect"
    """Changes the world: guarded by the ledger, never run again without proof that it did not happen."""


@dataclass(frozen=True, slots=True)
class Call:
    """One tool call. ``tool_call_id`` is stable over restarts and serves as idempotency key at a target."""

    tool_call_id: str
    user: str
    run_id: str
    chat_id: str
    input: dict[str, Any]
    approved: str | None = None
    """Digest of the :class:`Subject` that a person approved: the tool must refuse to act on any other. None: nobody
    was asked."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What a call would act on now, beyond its input: a person who approves the call approves exactly this."""

    digest: str
    told: str
    """A sentence for that person."""


@dataclass(frozen=True, slots=True)
class Step:
    """Progress inside a call. Becomes a ``progress`` event of the protocol."""

    message: str
    """What is going on, for a person: "Storing chunk 3/8..."."""
    kind: str
    """``chunking``, ``syntax_check``, ``deployment``, …: the event's ``type``."""
    percent: float | None = None
    """0-100 of the person's whole task; None when unknown. Steps inside a tool leave it out."""
    current: float | None = None
    total: float | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of a call."""

    content: str
    """What the model reads."""
    status: Literal["ok", "error", "unknown"] = "ok"
    """``error``: it failed and nothing was changed beyond what ``content`` says. ``unknown``: it cannot be told."""
    summary: str = ""
    """One short line for a person; empty = first line of ``content``."""


class Tool(Protocol):
    """A tool the model may call."""

    @property
    def name(self) -> str: ...

    @property
    def description(self) -> str: ...

    @property
    def input_schema(self) -> dict[str, Any]:
        """JSON Schema (2020-12) of an object; the registry validates against it before ``run``."""
        ...

    @property
    def effect(self) -> Effect: ...

    @property
    def time_limit(self) -> float:
        """Seconds a call may take in all; the registry ends it with an error result."""
        ...

    @property
    def runs(self) -> Literal["server", "mcp"]: ...

    def run(self, call: Call) -> AsyncGenerator[Step | Outcome, None]:
        """Yield steps, then one outcome. Cancelling or closing it must stop the work as far as that is possible.

        Raises nothing for failures of the work itself (they are an ``Outcome``); anything raised is a bug of the tool.
        """
        ...

    async def reconcile(self, call: Call) -> Outcome | None:
        """After a crash between start and result of an ``EFFECT`` call: did it happen?

        Returns the outcome when the target can prove it happened, None when that cannot be told or did not happen.
        """
        ...


@runtime_checkable
class Announcing(Protocol):
    """A tool whose call is shown to people even when its input turns out not to fit."""

    def announcement(self, input: dict[str, Any]) -> Step | None:
        """What to show of a call with this unchecked input; None when the input does not say."""
        ...


@runtime_checkable
class ActsOnState(Protocol):
    """A tool whose input only names what it acts on; the thing itself may change until the call runs."""

    async def subject(self, call: Call) -> Subject:
        """What the call would act on if it ran now. Something that is missing is a subject too."""
        ...
