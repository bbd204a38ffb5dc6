"""The project's own Python client as a viewer: what people will really use, judged like any other.

In: one address for the whole run (a client does not hop). Out: a :class:`Sight`.
"""

from __future__ import annotations

import asyncio
import time
from typing import Literal

from oricode_client import OricodeClient, Pace
from oricode_client.errors import OricodeClientError

from .observer import Sight
from .viewers import SILENCE, Watch
from .wire import Message

PACE = Pace(base=0.1, cap=1.0, patience=120, start_patience=60)


class ClientViewer:
    """Starts or finds the run by its idempotency key, over ``transport``."""

    def __init__(self, name: str, watch: Watch, transport: Literal["sse", "websocket"]) -> None:
        self.sight = Sight(name)
        self._watch = watch
        self._transport = transport

    async def run(self) -> Sight:
        watch, sight = self._watch, self.sight
        port = watch.rng.choice(watch.ports)
        url = f"http://127.0.0.1:{port}"
        try:
            async with asyncio.timeout(watch.limit):
                async with OricodeClient(url, watch.api_key, pace=PACE, silence=SILENCE) as client:
                    await self._watch_run(client)
        except TimeoutError:
            pass
        except OricodeClientError as error:
            sight.problem = f"the client gave up: {error!r}"
        return sight

    async def _watch_run(self, client: OricodeClient) -> None:
        watch, sight = self._watch, self.sight
        run = client.chat(
            watch.body["prompt"],
            idempotency_key=watch.idempotency_key,
            transport=self._transport,
            client_type=watch.body["client_type"],
        )
        opened = time.monotonic()
        async with run:
            async for wire in run.wires():
                watch.named(run.run_id)
                if wire.event == "connected":
                    opened = time.monotonic()
                    sight.gaps += wire.data.get("resume") == "gap"
                elif wire.event == "reconnecting":
                    sight.resumes += 1
                if wire.id:
                    sight.messages.append(Message(wire.id, wire.event, wire.data))
                    watch.on_event(sight.name, opened, time.monotonic())
                    sight.ended = wire.event == "done"
