"""Models that need neither a script nor a server: ``echo`` and ``firehose``.

``echo`` answers the last user text back, verbatim, in small pieces: any odd text can be sent through the whole house.
``firehose:COUNT`` or ``firehose:COUNT@RATE`` answers COUNT numbered deltas, all at once or RATE a second: load without
an upstream. Both ignore system, tools and history.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncGenerator, Awaitable, Callable

from .port import Delta, ModelCall, Stop, Text, Usage

_SPEC = re.compile(r"firehose(?::(?P<count>[0-9]{1,7})(?:@(?P<rate>[0-9]{1,6}(?:\.[0-9]{1,3})?))?)?\Z", re.ASCII)
_COUNT = 1_000
_BURST = 64
_PIECE = 3


class EchoProvider:
    """Says what was said."""

    async def stream(self, call: ModelCall) -> AsyncGenerator[list[Delta], None]:
        """See :meth:`oricode_service.models.port.Provider.stream`."""
        text = last_user_text(call)
        yield [Usage(input_tokens=max(1, len(text) // 4), output_tokens=1)]
        deltas: list[Delta] = [Text(0, text[start : start + _PIECE]) for start in range(0, len(text), _PIECE)]
        for start in range(0, len(deltas), _BURST):
            yield deltas[start : start + _BURST]
        yield [Usage(output_tokens=max(1, len(text) // 4)), Stop("end_turn", call.model)]

    async def close(self) -> None:
        """Nothing is held."""


class FirehoseProvider:
    """Says a lot."""

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        """``clock`` in seconds, from any origin."""
        self._clock = clock
        self._sleep = sleep

    async def stream(self, call: ModelCall) -> AsyncGenerator[list[Delta], None]:
        """See :meth:`oricode_service.models.port.Provider.stream`. ValueError for a model name that is no firehose."""
        count, rate = firehose(call.model)
        yield [Usage(input_tokens=1, output_tokens=1)]
        start = self._clock()
        sent = 0
        while sent < count:
            # The small addition: a wait until exactly delta n must not come out as n - 1 and something.
            due = count if rate is None else min(count, int((self._clock() - start) * rate + 1e-6) + 1)
            upto = min(due, sent + _BURST)
            if upto > sent:
                yield [Text(0, f"delta {number:05d} ") for number in range(sent, upto)]
                sent = upto
            # Without a rate this only lets others run; with one it waits until the next delta is due.
            await self._sleep(0 if rate is None else max(0.0, sent / rate - (self._clock() - start)))
        yield [Usage(output_tokens=count), Stop("end_turn", call.model)]

    async def close(self) -> None:
        """Nothing is held."""


def firehose(name: str) -> tuple[int, float | None]:
    """``(count, deltas per second or None)`` of a model name; ValueError when it is none."""
    match = _SPEC.match(name)
    if match is None:
        raise ValueError(f"{name!r} is not firehose, firehose:COUNT or firehose:COUNT@RATE")
    rate = float(match["rate"]) if match["rate"] else None
    if rate == 0:
        raise ValueError("a firehose's rate must be above 0")
    return int(match["count"] or _COUNT), rate


def last_user_text(call: ModelCall) -> str:
    """The text of the last user message that has one; empty when none has."""
    for message in reversed(call.messages):
        if message["role"] != "user":
            continue
        content = message["content"]
        text = content if isinstance(content, str) else "".join(str(part.get("text", "")) for part in content)
        if text:
            return text
    return ""
