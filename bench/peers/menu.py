"""The peers by name."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from . import others, ours
from .process import Peer

Start = Callable[[str, float, Path], AbstractContextManager[Peer]]
"""``(upstream URL, heartbeat seconds, scratch folder)``."""
OURS, WEBSOCKET, BASE = "oricode", "oricode-ws", "express"
PEERS: dict[str, Start] = {
    OURS: ours.oricode,
    WEBSOCKET: ours.oricode_websocket,
    "oricode-postgres": ours.oricode_postgres,
    BASE: others.express,
    "sse-starlette": others.sse_starlette,
    "litellm": others.litellm,
    "nginx": others.nginx,
}
QUICK = tuple(name for name in PEERS if name not in ("oricode-postgres", "litellm"))
WITHOUT_HEARTBEATS = ("nginx", "litellm")
