"""Oricode's Python client: start, watch, resume, answer and cancel runs of an Oricode service.

:class:`OricodeClient` for ``asyncio``, :class:`SyncClient` for scripts and notebooks, :mod:`oricode_client.events` for
what a run yields, :mod:`oricode_client.errors` for what can go wrong, :func:`tool` for functions the model may call.
"""

from . import errors, events
from .client import OricodeClient
from .errors import OricodeClientError
from .pace import Pace
from .run import Run
from .sync import SyncClient, SyncRun
from .tools import ClientTool, tool
from .wire import Wire

__all__ = [
    "ClientTool",
    "OricodeClient",
    "OricodeClientError",
    "Pace",
    "Run",
    "SyncClient",
    "SyncRun",
    "Wire",
    "errors",
    "events",
    "tool",
]
