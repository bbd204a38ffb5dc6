"""The ways a run's events come in: SSE, WebSocket, one JSON document. All three answer to one port.

In: a place in a run (not started yet, or behind an event). Out: an open connection that yields batches of
:class:`~oricode_client.wire.Wire`. A transport knows nothing of retrying, folding or typed events: ``run`` does that,
once for all three. Implemented by ``sse``, ``websocket`` and ``document``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from ..wire import JsonObject, Wire

TransportName = Literal["sse", "websocket", "json"]
MAX_EVENT_BYTES = 16 * 1024 * 1024
"""An event longer than this is taken for a fault: nothing may grow without end."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where to read on."""

    request: JsonObject
    """The chat request that starts the run; empty when somebody else started it."""
    idempotency_key: str
    run_id: str | None = None
    """None until the service named the run."""
    after: str = ""
    """The last event id seen; empty = from the first event."""


class AlreadyEnded(Exception):
    """The cursor stands at the end of the run: there is nothing more to read."""


class Connection(Protocol):
    """One open connection to one run."""

    @property
    def planned(self) -> bool:
        """True when an end without ``done`` is this transport's normal way: go on at once, nothing is wrong."""
        ...

    @property
    def retry_ms(self) -> int | None:
        """The reconnection time the stream asked for, in milliseconds; None when it did not."""
        ...

    async def read(self, silence: float) -> list[Wire]:
        """The next events, at least one; an empty list at the end of the connection.

        Raises :class:`~oricode_client.errors.ConnectionLost` when it broke, or when not a byte came for ``silence``
        seconds. After an exception, cancellation included, only :meth:`close` may be called.
        """
        ...

    async def close(self) -> None:
        """Release it; the run goes on."""
        ...


class Transport(Protocol):
    """One way in, for one run; may remember what it has shown of it."""

    async def open(self, place: Place, silence: float) -> Connection:
        """Start the run, or go on reading it.

        Raises :class:`AlreadyEnded`, :class:`~oricode_client.errors.ConnectionLost`, or the refusal.
        """
        ...
