"""One TCP connection: the transport that uvicorn's protocols write to, and the eye on whether anybody reads.

In: the loop's transport, and what a protocol writes to it. Out: the same bytes; back-pressure for writers; the news,
told once, that the peer is gone. A peer that takes nothing for too long is aborted by the shared wheel, never by the
writer that waits for it. A protocol (the ``owner``, another one after an upgrade) brings its own deadlines. Knows
neither HTTP nor WebSocket. It serves uvicorn both as transport and as flow control.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from math import inf
from typing import Any, Protocol

from .bell import Bell
from .gone import PeerGone
from .state import State
from .wheel import NOWHERE

STEP = 4096
"""Bytes a slow peer must take per ``slow_reader_seconds`` (or all there are): below that it is stalled, not slow."""
LOOKS = 3
"""Looks per ``slow_reader_seconds`` at a connection that nobody waits for."""
_RESET = struct.pack("ii", 1, 0)


class Owner(Protocol):
    """The protocol that speaks on a connection."""

    def check(self, now: float) -> float:
        """Act on deadlines that have passed; returns when to look again, ``inf`` = no deadline."""
        ...

    def cut(self, reason: str) -> None:
        """The connection is about to be aborted for ``reason``: tell the application."""
        ...


class Connection(asyncio.Transport):
    """See the module. Made when a connection is accepted; ``lost`` ends it."""

    __slots__ = (
        "_callbacks", "_closing", "_first", "_goal", "_lost", "_state", "_transport", "_window_ends", "closed",
        "handed", "owner", "place", "read_paused", "reason", "refusal", "remote", "slot", "stays", "writable",
        "write_paused",
    )  # fmt: skip

    def __init__(self, transport: asyncio.Transport, owner: Owner, state: State) -> None:
        self.owner = owner
        self.closed = False
        """Nobody reads any more; see :class:`Outlet`."""
        self.reason: str | None = None
        self.stays = False
        """Its answer may outlast a drain."""
        self.handed = 0
        """Bytes given to the transport so far."""
        self.write_paused = False
        self.read_paused = False
        self.writable = Bell(rung=True)
        """Rung while writers may go on; also once the peer is gone."""
        self.place: str | None = None
        self.slot = NOWHERE
        self._transport = transport
        self._state = state
        self._closing = False
        self._lost = False
        """The transport may not be touched any more: its descriptor may already be another connection's."""
        self._first: bytes | None = None
        """What waits for the next write; empty = the next write will wait; None = writes do not wait."""
        self._callbacks: list[Callable[[], None]] | None = None
        self._window_ends = 0.0
        """When the peer must have taken data up to ``_goal``; 0 = nothing waits for it."""
        self._goal = 0
        # Writers wait as soon as the kernel does not take all: what was written stays whole until its last byte has
        # left, so a peer that stalls costs one page. The kernel holds more than enough for one that reads.
        transport.set_write_buffer_limits(0)
        peer = transport.get_extra_info("peername")
        self.remote: tuple[str, int] | None = (str(peer[0]), int(peer[1])) if peer else None
        self.refusal = state.census.enter(self, self.remote[0] if self.remote else "")
        """The code that anything but a health check is answered with; None = it may ask for anything."""
        state.wheel.at(self, self._watch(self._now()))

    # What uvicorn's protocols take for a transport.

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send; dropped once the peer is gone."""
        if not self.closed:
            self.handed += len(data)
            first = self._first
            if first is None:
                self._transport.write(data)
            elif first:
                self._first = None
                self._transport.write(first + data)
            else:
                self._first = bytes(data)
                asyncio.get_running_loop().call_soon(self._flush)

    def gather(self) -> None:
        """Let the next write and the one behind it leave together, if that comes in the same turn of the loop: the
        head of an answer and the beginning of its body are one piece for the kernel, the network and the peer."""
        self._flush()
        self._first = b""

    def _flush(self) -> None:
        first, self._first = self._first, None
        if first and not self._lost:
            self._transport.write(first)

    def close(self) -> None:
        """Close when everything has left; a peer that does not take it has ``closing_seconds``."""
        if self._lost:
            return
        self._flush()
        self._closing = True
        self._transport.close()
        if self.get_write_buffer_size():
            self._window_ends = 0.0
            self._state.wheel.at(self, self._watch(self._now()))

    def is_closing(self) -> bool:
        """Whether it is being closed, or is."""
        return self._lost or self._transport.is_closing()

    def abort(self, reason: str = "aborted") -> None:
        """Drop the connection and what it has not taken; the peer sees a reset."""
        if not self.closed:
            self._state.census.cuts[reason] += 1
            self.owner.cut(reason)
            self.gone(reason)
        self._first = None
        if not self._lost:
            raw = self._transport.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)  # or the kernel keeps the rest for a while
            self._transport.abort()

    def write_eof(self) -> None:
        """Close this side only, when everything has left."""
        if not self.is_closing():
            self._flush()
            self._transport.write_eof()

    def get_write_buffer_size(self) -> int:
        """Bytes that the kernel has not taken."""
        return 0 if self._lost else self._transport.get_write_buffer_size()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """As asyncio's."""
        return self._transport.get_extra_info(name, default)

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """As asyncio's."""
        self._transport.set_protocol(protocol)

    # What uvicorn's protocols take for flow control; reading may be paused and resumed twice.

    def pause_reading(self) -> None:
        """Take nothing more from the peer for now."""
        if not self.read_paused:
            self.read_paused = True
            if not self.is_closing():
                self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Take from the peer again."""
        if self.read_paused:
            self.read_paused = False
            if not self.is_closing():
                self._transport.resume_reading()

    def pause_writing(self) -> None:
        """The transport's call: the peer does not keep up."""
        self.write_paused = True
        self.writable.clear()
        self._state.wheel.at(self, self._watch(self._now()))

    def resume_writing(self) -> None:
        """The transport's call: writers may go on."""
        self.write_paused = False
        self.writable.set()

    async def drain(self) -> None:
        """Wait until writers may go on. Raises :class:`PeerGone`."""
        if self.write_paused:
            await self.writable.wait()
        if self.closed:
            raise PeerGone(self.reason)

    # Ends.

    def on_close(self, callback: Callable[[], None]) -> None:
        """Call ``callback`` once it is closed; soon, if it is."""
        if self.closed:
            asyncio.get_running_loop().call_soon(callback)
        elif self._callbacks is None:
            self._callbacks = [callback]
        else:
            self._callbacks.append(callback)

    def forget_callbacks(self) -> None:
        """The request they belonged to is over."""
        self._callbacks = None
        self.stays = False

    def gone(self, reason: str) -> None:
        """Nobody reads any more. Only the first call counts."""
        if self.closed:
            return
        self.closed = True
        self.reason = reason
        self.resume_writing()
        callbacks, self._callbacks = self._callbacks, None
        for callback in callbacks or ():
            callback()

    def lost(self) -> None:
        """The transport is closed: the last call."""
        self._lost = True
        self._state.census.leave(self)
        self._state.wheel.forget(self)
        self.gone("peer")

    # Deadlines.

    def wake_at(self, when: float) -> None:
        """Have the owner look at its deadlines at ``when`` or earlier."""
        if not self._lost:
            self._state.wheel.at(self, when)

    def due(self, now: float) -> None:
        """The wheel's call."""
        look = self._watch(now)
        if look <= now:
            self.abort("slow_reader")
        else:
            self._state.wheel.at(self, min(look, self.owner.check(now)))

    def taken(self) -> int:
        """Bytes that the kernel has taken so far."""
        return self.handed - self.get_write_buffer_size()

    def _watch(self, now: float) -> float:
        """When to look at the peer's progress again; ``now`` = it made none for too long."""
        limits = self._state.limits
        patience = limits.closing_seconds if self._closing else limits.slow_reader_seconds
        waiting = self.get_write_buffer_size()
        if not waiting:
            self._window_ends = 0.0
            return inf if self._closing else now + patience / LOOKS
        taken = self.handed - waiting
        if not self._window_ends or taken >= self._goal:
            self._window_ends = now + patience
            self._goal = taken + min(waiting, STEP)
        return max(self._window_ends, now)

    def _now(self) -> float:
        return asyncio.get_running_loop().time()
