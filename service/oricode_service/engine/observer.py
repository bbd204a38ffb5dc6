"""What the engine tells whoever counts: starts, ends, retries, tools. Nothing here per event.

In: plain values. Out: nothing; the default does nothing. ``observe.metrics`` implements it; the engine and the
transports only call it, so that neither knows a metrics library. Methods are called on the loop and must be quick.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass

_NONE: dict[str, str] = {}
IDS: ContextVar[dict[str, str]] = ContextVar("ids of what a log line belongs to", default=_NONE)
"""``request``, ``user``, ``run``, ``chat``, as far as known: set by :func:`mark`, inherited by started tasks."""


def mark(**ids: str) -> None:
    """What is done from here on in this task, and in those it starts, belongs to these."""
    IDS.set({**IDS.get(), **ids})


@dataclass(frozen=True, slots=True)
class RunEnd:
    """A run that ended, as metrics and reports see it."""

    labels: Mapping[str, str]
    """``transport``, ``arm``, ``client_type``, ``model`` as the run was started with."""
    status: str
    """``completed``, ``failed`` or ``cancelled``."""
    code: str | None
    """Of the error table, when it failed."""
    seconds: float
    """From its creation, waiting for its chat included."""
    first_token_seconds: float | None
    """From its creation to the first output of the model in this process; None when there was none."""
    watched: bool
    """Whether a viewer of this process was connected when it ended."""
    usage: Mapping[str, int]
    """Tokens by kind."""


class Observer:
    """Does nothing; subclasses count."""

    def run_started(self, labels: Mapping[str, str]) -> None:
        """A fresh run was stored."""

    def run_ended(self, end: RunEnd) -> None:
        """A run's terminal event is durable."""

    def run_unwatched(self, labels: Mapping[str, str]) -> None:
        """A run ended while no viewer was connected, to this instance or another one; told once the others had time."""

    def run_taken_over(self) -> None:
        """A run that another process began goes on here."""

    def retried(self, code: str, arm: str) -> None:
        """A model call failed with ``code`` and is tried again."""

    def tool_ended(self, name: str, runs: str, status: str, seconds: float, arm: str) -> None:
        """A tool call has its result. ``runs``: where, ``server``, ``mcp`` or ``client``."""

    def resumed(self, answer: str, transport: str) -> None:
        """A viewer came back: ``replay``, ``live``, ``gap``, ``ended`` (it has everything) or ``gone``."""

    def sent_away(self, reason: str) -> None:
        """A stream was ended with ``reconnect``: ``restart``, ``max_age``, ``key_revoked`` or ``gap``."""

    def beat(self, state: str) -> None:
        """A heartbeat was sent on a connection, with the state it names."""
