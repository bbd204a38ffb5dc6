"""The library code that this layer overrides and relies on: a new version must be read before it is used.

A failure here is no bug. Read the differences of the methods named, adapt the layer if they matter to it, and write the
new digests down.
"""

from __future__ import annotations

import hashlib
import inspect
from typing import Any

import pytest
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import Server, ServerState
from websockets.protocol import Protocol
from websockets.server import ServerProtocol
from websockets.streams import StreamReader

DIGESTS = {
    "HttpToolsProtocol": "18fdf324b11bf160",
    "RequestResponseCycle": "e67d470d435dcc1c",
    "WebSocketsSansIOProtocol": "0bbcec98938432f7",
    "ServerState": "f2260fbf10154746",
    "Server.serve": "112ef41af52167e3",
    "Server._serve": "4575b7a50adfede8",
    "Server.startup": "2aa1d70a244bfcf2",
    "Server.main_loop": "afccb353a119333f",
    "Server.on_tick": "60ea49b06ccf68c1",
    "Server.shutdown": "9b33c50562992b1e",
    "Server._wait_tasks_to_complete": "17209be1e991445d",
    "Protocol.parse": "45aaf900644b63c4",
    "Protocol.fail": "924ae7075dc75a9d",
    "Protocol.discard": "c40ae1ef57fd326c",
    "Protocol.recv_frame": "4f83d3b90ea62428",
    "Protocol.receive_data": "df57bef09335e176",
    "ServerProtocol.parse": "8c4d10340de4d32f",
    "StreamReader": "ce642455b6483e75",
}


@pytest.mark.parametrize(
    "pinned",
    [
        HttpToolsProtocol, RequestResponseCycle, WebSocketsSansIOProtocol, ServerState, Server.serve, Server._serve,
        Server.startup, Server.main_loop, Server.on_tick, Server.shutdown, Server._wait_tasks_to_complete,
        Protocol.parse, Protocol.fail, Protocol.discard, Protocol.recv_frame, Protocol.receive_data,
        ServerProtocol.parse, StreamReader,
    ],
    ids=lambda pinned: pinned.__qualname__,
)  # fmt: skip
def test_what_this_layer_relies_on_is_what_was_read(pinned: Any) -> None:
    digest = hashlib.sha256(inspect.getsource(pinned).encode()).hexdigest()[:16]
    assert digest == DIGESTS.get(pinned.__qualname__), (
        f"{pinned.__module__}.{pinned.__qualname__} has changed: {digest}"
    )
