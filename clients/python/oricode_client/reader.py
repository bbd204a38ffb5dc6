"""Reads one run to its end, whatever happens to the connection.

In: a :class:`~oricode_client.transports.Transport` and a place to start from. Out: events as they came, each once and
in order. A lost connection, a silence or a planned close becomes one :class:`~oricode_client.events.Reconnecting`; then
reading goes on behind the last event that was delivered. Only what trying again cannot mend is raised.

Nothing is read ahead: whoever does not ask gets nothing, and the service's back pressure holds.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import replace
from urllib.parse import quote

from .errors import ConnectionLost, OricodeClientError
from .events import Reconnecting
from .pace import Backoff, Pace
from .service import Service
from .transports import AlreadyEnded, Connection, Place, Transport
from .wire import Wire

_HEARTBEAT_MS = 15_000
"""What a service is taken to do before it has said its own interval."""
_HELD = 5.0
"""A connection that lived this many seconds was no failure to connect."""
_FOR_THE_CALLER = frozenset({"chat_busy"})
"""Retryable by the table, but the caller asked to be told (``if_busy: reject``)."""


class Reader:
    """The events of one run. One task at a time may call :meth:`next`; a cancelled call loses nothing."""

    def __init__(
        self, service: Service, transport: Transport, place: Place, pace: Pace, silence: float | None = None
    ) -> None:
        self._service = service
        self._transport = transport
        self._fixed_silence = silence
        self._heartbeat_ms = _HEARTBEAT_MS
        self._connection: Connection | None = None
        self._opened_at = 0.0
        self._pending: deque[Wire | Reconnecting] = deque()  # at most what one read brought
        self._backoff = Backoff(pace)
        self._next_try = 0.0
        self._after_ms: int | None = None  # what a planned close asked for
        self._greeted = False
        self._ended = False
        self.place = place
        """Where the next connection starts: behind the last event delivered."""
        self.interrupted = place.run_id is not None
        """False while the first connection of a run started here lasts: nothing can have been answered before."""

    async def start(self) -> None:
        """Return when the service has accepted the run (and named it, unless it answers in one document)."""
        while not (self._greeted or self._ended or (self._connection and self._connection.planned)):
            self._pending.clear()  # a Reconnecting that nobody is watching yet
            await self._advance()

    async def next(self) -> Wire | Reconnecting | None:
        """The next event; None at the end of the run."""
        while not self._pending:
            if self._ended:
                return None
            await self._advance()
        item = self._pending.popleft()
        if isinstance(item, Wire) and item.id:
            self.place = replace(self.place, after=item.id)
        return item

    async def close(self) -> None:
        """Close the connection; :meth:`next` would open another one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    async def _advance(self) -> None:
        """One step: wait and connect, or read."""
        try:
            if self._connection is None:
                await self._connect()
            else:
                await self._read(self._connection)
        except asyncio.CancelledError:
            # The read may have been cut in the middle: go on from the last event, whenever asked again.
            await self.close()
            raise
        except OricodeClientError as error:
            await self.close()
            if not error.retryable or error.code in _FOR_THE_CALLER:
                self._ended = True
                raise
            self._try_again(error)

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(max(0.0, self._next_try - loop.time()))
        try:
            self._connection = await self._transport.open(self.place, self._silence)
            self._opened_at = loop.time()
        except AlreadyEnded:
            await self._read_the_end()

    async def _read_the_end(self) -> None:
        """The cursor stands behind ``done``: what the run came to is in its document."""
        document = await self._service.call("GET", f"/api/runs/{quote(self.place.run_id or '')}")
        if isinstance(state := document.get("state"), dict):
            self._pending.append(Wire("", "snapshot", state))
        self._ended = True

    async def _read(self, connection: Connection) -> None:
        wires = await connection.read(self._silence)
        self._pending.extend(wires)
        for wire in wires:
            self._notice(wire)
        leaving = self._after_ms is not None  # the service asked us to: no need to wait until it hangs up
        if self._ended or leaving or not wires:
            await self.close()
        if leaving or not (self._ended or wires or connection.planned):
            self._stream_ended(connection)

    def _notice(self, wire: Wire) -> None:
        """What must not wait until the caller takes the event."""
        self._greeted = True
        if wire.event == "connected":
            self._backoff.reached()
            self._heartbeat_ms = wire.data.get("heartbeat_ms") or self._heartbeat_ms
            if wire.data.get("run_id"):
                self.place = replace(self.place, run_id=wire.data["run_id"])
        elif wire.event == "reconnect":
            self._after_ms = wire.data.get("after_ms") or 0
        else:
            self._backoff.succeeded()
            self._ended = wire.event == "done"

    def _stream_ended(self, connection: Connection) -> None:
        """An end without ``done``: resume."""
        if asyncio.get_running_loop().time() - self._opened_at >= _HELD:
            self._backoff.succeeded()
        cause = ConnectionLost("The stream ended before the run did.")
        cause.retry_after = (connection.retry_ms or 0) / 1000
        self._try_again(cause)

    def _try_again(self, error: OricodeClientError) -> None:
        """Tell the caller and set the time of the next try; raises ``error`` when patience ran out."""
        now = asyncio.get_running_loop().time()
        delay: float | None
        if self._after_ms is not None:
            delay, reason = self._after_ms / 1000, "The service closes the connection for a moment."
            self._after_ms = None
        else:
            delay, reason = self._backoff.failed(now, error.retry_after or 0.0), error.sentence
        if delay is None:
            self._ended = True
            raise error
        self.interrupted = True
        self._next_try = now + delay
        attempt = max(1, self._backoff.attempt)
        self._pending.append(Reconnecting(attempt=attempt, delay_ms=round(delay * 1000), reason=reason))

    @property
    def _silence(self) -> float:
        """Seconds without a byte after which the connection is dead (PROTOCOL.md, section 9)."""
        return self._fixed_silence or 2 * self._heartbeat_ms / 1000 + 5
