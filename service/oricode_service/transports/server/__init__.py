"""The server layer: uvicorn, run by us, hardened for long streams and hostile peers. Only this package imports it.

In: an ASGI application, :class:`Limits`, sockets from :func:`listen`. Out: HTTP and WebSocket for that application,
whose scopes carry an :class:`Outlet` under ``scope["extensions"][EXTENSION]``. From the application inwards nothing
knows uvicorn::

    server = Server(Limits())
    run(server.serve(app, listen("127.0.0.1", 8000), on_drain))

Terminates no TLS; that is a proxy's work. ``docs/decisions`` says why httptools parses.
"""

from __future__ import annotations

from .gone import PeerGone
from .limits import Limits
from .outlet import EXTENSION, Outlet
from .running import Server, run
from .sockets import CannotListen, PortTaken, listen

__all__ = ["EXTENSION", "CannotListen", "Limits", "Outlet", "PeerGone", "PortTaken", "Server", "listen", "run"]
