"""People who are not patient: whatever a stock client would show them as an error is written down.

In: a watch on a run. Out: a :class:`Sight` and what was noticed. Streams come back by themselves after an announced
end, as stock clients do; a stream that ends without one, a refusal, or an answer that is not whole is a failure.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from dataclasses import dataclass, field

from bench.faults.observer import Sight
from bench.faults.viewers import HoppingViewer, Watch
from bench.faults.wire import Broken, Message, request

AFTER = 5.0
"""Seconds after the next process serves in which people are back."""
ANSWER_SECONDS = 180.0
"""Without a byte, after which an old client or its proxy would give up; heartbeats come far more often."""


@dataclass
class Noticed:
    """What people could have noticed, over all of them."""

    cuts: Counter[str] = field(default_factory=Counter)
    """Connections that ended without a word, or that were not accepted, by transport."""
    announced: int = 0
    """Planned ends: ``reconnect``."""
    pauses: dict[tuple[str, float], float] = field(default_factory=dict)
    """The longest time without an event, in seconds, of each stream around each restart."""
    restarts: list[float] = field(default_factory=list)
    """When restarts began (monotonic)."""
    over: float = 0.0
    """When people should be back after the last one."""

    def watch(self, tag: str) -> Pauses:
        """For the viewer of one run."""
        return Pauses(self, tag)


class Pauses:
    """Measures the pauses of one run's viewer."""

    def __init__(self, noticed: Noticed, tag: str) -> None:
        self._noticed = noticed
        self._tag = tag
        self._last = 0.0

    def __call__(self, viewer: str, opened: float, now: float) -> None:
        last, self._last = self._last or now, now
        restart = next(iter(self._noticed.restarts[-1:]), now)
        if last < self._noticed.over and now > restart:
            pauses, key = self._noticed.pauses, (self._tag, restart)
            pauses[key] = max(pauses.get(key, 0.0), now - last)


class StockViewer(HoppingViewer):
    """One transport for the whole run. Not even a status that asks to try later is excused."""

    PASSING = frozenset()
    SILENCE = 20.0

    def __init__(self, watch: Watch, noticed: Noticed, way: str) -> None:
        super().__init__(way, watch, starts=True, ways=(way,))
        self._noticed = noticed

    async def _connect(self) -> None:
        try:
            await super()._connect()
        except Broken as broken:
            if not (self.sight.ended or self._pause):
                self._noticed.cuts[f"{self.sight.name}: {broken}"] += 1
            raise

    def _reply(self, frame: dict[str, object]) -> bool:
        if not frame["ok"]:
            self.sight.problem = f"WebSocket command -> {frame['error']}"
        return super()._reply(frame)

    def _take(self, message: Message) -> None:
        super()._take(message)
        self._noticed.announced += message.event == "reconnect"


class OldClient:
    """One request for one JSON answer, and no second try."""

    def __init__(self, watch: Watch, noticed: Noticed) -> None:
        self.sight = Sight("json")
        self._watch = watch
        self._noticed = noticed

    async def run(self) -> Sight:
        watch, sight = self._watch, self.sight
        headers = {"X-API-Key": watch.api_key}
        (port,) = watch.ports
        began = time.monotonic()
        try:
            async with (
                asyncio.timeout(watch.limit),
                request(port, "POST", "/api/chat", headers, watch.body, silence=ANSWER_SECONDS) as answer,
            ):
                body = await answer.whole()
        except (Broken, TimeoutError) as broken:
            self._noticed.cuts[f"json: {broken}"] += 1
            sight.problem = f"no answer after {time.monotonic() - began:.1f} s: {broken!r}"
            return sight
        if answer.status != 200:
            sight.problem = f"POST /api/chat -> {answer.status} {body[:200]!r}"
            return sight
        document = json.loads(body)
        watch.named(document.get("run_id"))
        sight.document, sight.ended = document, True
        return sight
