"""What an application may do with its connection beyond ASGI: write without ceremony, and hear of its end.

``scope["extensions"][EXTENSION]`` holds an :class:`Outlet` for every HTTP request and every WebSocket; ``exchange`` and
``channel`` say what a piece of data becomes on the wire. An outlet belongs to its request: it must not be used after
the application returned.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable

from .connection import Connection

EXTENSION = "oricode.connection"


class Outlet(ABC):
    """The way out of one request or one WebSocket."""

    __slots__ = ("_connection",)

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @abstractmethod
    def write(self, data: bytes) -> bool:
        """Send ``data`` (one piece of a chunked response's body; one text message of a WebSocket) without waiting.

        True = more may follow; False = await :meth:`drain` first. Over HTTP the application must have sent
        ``http.response.start`` without a content-length; over WebSocket it must have accepted, and ``data`` must be
        UTF-8. Raises :class:`PeerGone` when closed, ``RuntimeError`` when it is not the time to write.
        """

    @abstractmethod
    def write_all(self, messages: Iterable[bytes]) -> bool:
        """The same for several, in one system call."""

    async def drain(self) -> None:
        """Wait until the peer has taken enough to go on. Raises :class:`PeerGone`. Does not yield when it need not."""
        await self._connection.drain()

    def on_close(self, callback: Callable[[], None]) -> None:
        """Have ``callback`` called once, on the loop, when the connection closes; soon, if it is closed already. Not
        called when the request is over by then."""
        self._connection.on_close(callback)

    def stay(self) -> None:
        """Let this answer outlast a drain, as long as the application says there."""
        self._connection.stays = True

    def abort(self, reason: str = "aborted") -> None:
        """Drop the connection now, and whatever it has not taken."""
        self._connection.abort(reason)

    @property
    def closed(self) -> bool:
        """Whether writing is in vain. Set at once when the peer leaves or is cut; never unset."""
        return self._connection.closed

    @property
    def reason(self) -> str | None:
        """Why it is closed: ``peer`` (it left), ``aborted`` (by the application), or a code of the protocol's error
        table (``slow_reader``, ``too_many_frames``, …); None while open."""
        return self._connection.reason

    @property
    def remote(self) -> tuple[str, int] | None:
        """Address and port of the TCP peer (a proxy's, behind one); None when it left before it was asked."""
        return self._connection.remote
