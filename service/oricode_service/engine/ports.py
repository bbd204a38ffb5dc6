"""What the engine needs from outside and does not build itself."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from ..log.hub import Logs
from ..models.port import Provider
from ..store.port import RunStore
from ..tools.port import Call, Outcome, Step, Subject, Tool
from .observer import Observer
from .tracing import Tracing


class Route(Protocol):
    """Where a model name leads."""

    @property
    def provider(self) -> Provider: ...

    @property
    def model(self) -> str:
        """The provider's own name of the model."""
        ...


class Models(Protocol):
    """Model names to providers."""

    def route(self, name: str | None) -> Route:
        """Aliases resolved, None = the default; raises ``UnknownModel`` of the provider port."""
        ...


class Toolbox(Protocol):
    """The tools that run on the server."""

    def definitions(self) -> list[dict[str, Any]]:
        """In Messages API form, as of now (MCP servers come and go)."""
        ...

    def get(self, name: str) -> Tool | None: ...

    async def settled(self) -> None:
        """Return when the tools of a service that has just started are there, or have had their time."""
        ...

    def refuse_client_tools(self, definitions: list[dict[str, Any]]) -> str | None:
        """Why a request's client tools cannot be offered (a server tool's name, a bad schema); None when they can."""
        ...

    async def subject(self, call: Call, name: str) -> Subject | None:
        """What a call would act on now, for a person who must approve it; None when its input says all."""
        ...

    def start(self, call: Call, name: str) -> AsyncGenerator[Step | Outcome, None]:
        """Run with validated input, time limit and size cap; always ends in one outcome."""
        ...


class Prompts(Protocol):
    """The composed system prompt."""

    def __call__(
        self, client_type: str | None, chat_title: str, user: str, extra_system: str | None
    ) -> list[dict[str, Any]]:
        """Text blocks, stable ones first and marked for caching."""
        ...


class Policy(Protocol):
    """Which tool calls a person must approve."""

    def __call__(self, tool: str, can_ask: bool) -> str:
        """``auto``, ``ask`` or ``deny``."""
        ...


@dataclass(frozen=True, slots=True)
class RunLimits:
    """Bounds of a run; every one is a setting."""

    turns: int = 50
    tokens: int = 2_000_000
    wall_seconds: float = 6 * 3600.0
    attempts: int = 4
    """Calls of one turn, the first included."""
    takeovers: int = 5
    """Crashes a run survives before it is given up."""
    retry_after_cap: float = 60.0
    backoff_base: float = 0.5
    client_tool_seconds: float = 600.0
    approval_seconds: float = 1800.0
    max_tokens: int = 8192
    max_live_per_key: int = 20


def _now() -> int:
    return time.time_ns() // 1_000_000


async def _forget(at: int, user: str, action: str, detail: bytes) -> None:
    """The audit log of who keeps none."""


def _nothing(name: str) -> None:
    """The failpoint of a service that is not under test."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Everything the engine works with."""

    runs: RunStore
    logs: Logs
    models: Models
    toolbox: Toolbox
    prompts: Prompts
    policy: Policy
    limits: RunLimits = field(default_factory=RunLimits)
    observer: Observer = field(default_factory=Observer)
    tracing: Tracing = field(default_factory=Tracing)
    audit: Callable[[int, str, str, bytes], Awaitable[None]] = _forget
    """Appends to the audit log: when, whose, what, details as JSON."""
    now: Callable[[], int] = _now
    """Milliseconds since the epoch."""
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    uniform: Callable[[float, float], float] = random.uniform
    reach: Callable[[str], None] = _nothing
    """Told the name of each failpoint as it is passed; the fault suite kills the process there."""
    elsewhere_seconds: float = 0.0
    """How long other instances may take to say that a viewer of theirs saw a run end; 0 when there are none."""
    poll_seconds: float = 2.0
    """How often to look for answers and free chats that another process may have brought."""
