"""The WebSocket parser of the websockets library, with bounds on how a message may be cut up and how many may come.

In: frames, as they are parsed. Out: the same, or close code 1008 and nothing more of what the peer sent with it. The
size of a message is bounded by the library (``max_size``, 1009), extensions are not offered.
"""

from __future__ import annotations

from collections.abc import Callable
from logging import getLogger

from websockets.frames import CloseCode, Frame, Opcode
from websockets.server import ServerProtocol

from .limits import Limits

_logger = getLogger("uvicorn.error")  # as uvicorn does, so that one level holds for both
_DATA = (Opcode.TEXT, Opcode.BINARY, Opcode.CONT)
BURST_SECONDS = 2


class TooMuch(Exception):
    """What ``parser_exc`` says of a peer that went beyond a bound.

    Its text is the close reason: ``too_many_fragments`` or ``too_many_frames``.
    """


class FrameParser(ServerProtocol):
    """Refuses messages in too many pieces, and more messages and control frames than allowed."""

    __slots__ = ("_budget", "_clock", "_filled_at", "_fragments", "_most", "_rate", "messages")

    def __init__(self, limits: Limits, clock: Callable[[], float]) -> None:
        super().__init__(extensions=[], max_size=limits.message_bytes, logger=_logger)
        self._clock = clock
        self._most = limits.message_fragments
        self._fragments = 0
        self.messages = 0
        """Whole messages so far."""
        self._rate = limits.messages_per_second
        self._budget = float(self._rate * BURST_SECONDS)
        self._filled_at = clock()

    @property
    def unfinished(self) -> bool:
        """Whether part of a message, or of a frame, has arrived and the rest has not."""
        return self.current_size is not None or bool(self.reader.buffer)

    def recv_frame(self, frame: Frame) -> None:
        """The library's call, for each frame."""
        if frame.opcode in _DATA:
            self._fragments += 1
            if self._fragments > self._most:
                self._refuse("too_many_fragments")
                return
            if frame.fin:
                self._fragments = 0
                self.messages += 1
        if frame.fin and not self._affordable():
            self._refuse("too_many_frames")
            return
        super().recv_frame(frame)

    def _affordable(self) -> bool:
        now = self._clock()
        most = float(self._rate * BURST_SECONDS)
        self._budget = min(most, self._budget + (now - self._filled_at) * self._rate) - 1
        self._filled_at = now
        return self._budget >= 0

    def _refuse(self, reason: str) -> None:
        self.fail(CloseCode.POLICY_VIOLATION, reason)
        self.parser_exc = TooMuch(reason)
