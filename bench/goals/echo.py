"""The server layer with an application that sends every WebSocket message back: what the Autobahn suite talks to.

``python -m bench.goals.echo [--wide]`` prints its address and serves until it is stopped. ``--wide``: with bounds far
above what the suite sends, so that the protocol is tested and not our limits.
"""

from __future__ import annotations

import sys
from typing import Any

from oricode_service.transports.server import Limits, Server, listen, run

_WIDE = Limits(message_bytes=64 * 1024 * 1024, message_fragments=1_000_000, messages_per_second=1_000_000)


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Accept, and return whatever comes as what it is."""
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        kind = "bytes" if message.get("bytes") is not None else "text"
        await send({"type": "websocket.send", kind: message[kind]})


def main() -> None:
    sockets = listen("127.0.0.1", 0)
    print(f"ws://127.0.0.1:{sockets[0].getsockname()[1]}", flush=True)
    run(Server(_WIDE if "--wide" in sys.argv else Limits()).serve(echo, sockets))


if __name__ == "__main__":
    main()
