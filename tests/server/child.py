"""A server in a process of its own, for tests that kill it or weigh it: ``python child.py ours|uvicorn [LIMITS]``.

Prints its port, then what happens to it, a word a line: ``drain`` when told to stop, ``drained``, ``ended``. LIMITS is
a JSON object; ``hang`` in it makes the drain never end.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

import uvicorn
from oricode_service.transports.server import EXTENSION, Limits, Server, listen, run
from server.apps import App, start


class PlainApp(App):
    """The same application without outlets, for plain uvicorn."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        scope.setdefault("extensions", {}).setdefault(EXTENSION, None)
        await super().__call__(scope, receive, send)

    async def hold(self, scope: Any, receive: Any, send: Any) -> None:
        await start(send)
        await send({"type": "http.response.body", "body": b"hello", "more_body": True})
        while (await receive())["type"] != "http.disconnect":
            pass


def say(word: object) -> None:
    print(word, flush=True)


async def ours(limits: dict[str, Any]) -> None:
    hang = limits.pop("hang", False)
    server = Server(Limits(**limits))
    sockets = listen("127.0.0.1", 0)
    app = App()

    async def on_drain() -> None:
        say("drain")
        assert server.draining
        if hang:
            await asyncio.Event().wait()
        for outlet in app.outlets:
            outlet.abort()
        say("drained")

    await server.serve(app, sockets, on_drain, on_started=lambda: say(sockets[0].getsockname()[1]))
    say("ended")


async def plain(limits: dict[str, Any]) -> None:
    sockets = listen("127.0.0.1", 0)
    say(sockets[0].getsockname()[1])
    config = uvicorn.Config(
        PlainApp(), http="httptools", ws="websockets-sansio", lifespan="off", log_level="critical", interface="asgi3",
        access_log=False, **limits,
    )  # fmt: skip
    await uvicorn.Server(config).serve(sockets)


if __name__ == "__main__":
    run({"ours": ours, "uvicorn": plain}[sys.argv[1]](json.loads(sys.argv[2]) if len(sys.argv) > 2 else {}))
