"""The callables of ASGI, named once, and the way to what our server layer adds to them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from .server import EXTENSION, Outlet

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


def outlet_of(scope: Scope) -> Outlet:
    """The connection's way out, beyond ASGI's ``send``; only our own server provides it."""
    outlet = scope["extensions"][EXTENSION]
    assert isinstance(outlet, Outlet)
    return outlet


def header(scope: Scope, name: bytes) -> str | None:
    """The first header called ``name`` (lower case), as text; None when absent."""
    for key, value in scope["headers"]:
        if key == name:
            return str(value.decode("latin-1"))
    return None
