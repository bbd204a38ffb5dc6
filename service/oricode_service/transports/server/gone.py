"""The news that nobody reads any more, and how an application that was told of it is let go quietly."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from uvicorn._types import ASGI3Application, ASGIReceiveCallable, ASGISendCallable, Scope
from uvicorn.protocols.utils import ClientDisconnected


class PeerGone(ClientDisconnected):
    """Nobody reads any more; ``reason`` as in :attr:`Outlet.reason`. An ``OSError``, as ASGI asks of ``send``."""

    def __init__(self, reason: str | None) -> None:
        self.reason = reason or "peer"
        super().__init__(f"the peer is gone: {self.reason}")


def stems_from_peer(error: BaseException | None) -> bool:
    """Whether an exception is, or was raised while handling, the news that the peer is gone.

    Frameworks turn an ``OSError`` of ``send`` into exceptions of their own, and gather them in groups.
    """
    while error is not None:
        if isinstance(error, ClientDisconnected):
            return True
        if isinstance(error, BaseExceptionGroup):
            return all(map(stems_from_peer, error.exceptions))
        error = error.__cause__ or error.__context__
    return False


async def finishes(
    app: ASGI3Application,
    scope: Scope,
    receive: ASGIReceiveCallable,
    send: ASGISendCallable,
    cut_short: Callable[[], bool],
) -> bool:
    """Call the application; whether it returned by itself.

    False = the peer's going ended it, or a cancellation did while ``cut_short`` says that this is how it should end.
    """
    try:
        await app(scope, receive, send)
    except asyncio.CancelledError:
        if not cut_short():
            raise
        return False
    except Exception as error:
        if not stems_from_peer(error):
            raise
        return False
    return True
