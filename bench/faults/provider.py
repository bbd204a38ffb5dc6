"""The provider as a process of its own: answers each request with the turn that the plan in its conversation names.

``python -m bench.faults.provider``; prints its address as the first line. It survives every fault of the service.
A small share of its own streams breaks too (``--drop PERCENT``): those must become new attempts, never doubled text.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from upstream import Drop, Pause, Request, Step, Upstream, message, text, tool_use

from . import plan


def place(body: dict[str, Any]) -> tuple[plan.Plan, int] | None:
    """The plan of the last prompt and the number of the turn that is due."""
    turns = 1
    for said in reversed(body["messages"]):
        if said["role"] == "assistant":
            turns += 1
            continue
        content = said["content"]
        blocks = content if isinstance(content, str) else " ".join(b.get("text", "") for b in content)
        if (found := plan.of_prompt(blocks)) is not None:
            return found, turns
    return None


def script(request: Request, drop: float) -> list[Step]:
    found = place(request.body)
    if found is None:
        return message(text("There is no plan."))
    wanted, number = found
    if number > len(wanted.turns):
        return message(text(f"{wanted.tag} has no turn {number}."))
    turn = wanted.turns[number - 1]
    calls = [tool_use(call.id, call.name, call.input, pieces=4) for call in turn.calls]
    steps = message(text(turn.pieces), *calls)
    if random.random() < drop:
        steps = [*steps[: random.randint(2, max(2, len(turn.pieces)))], Drop()]
    return list(_paced(steps, turn.gap)) if turn.gap else steps


def _paced(steps: list[Step], gap: float) -> Iterator[Step]:
    for before, step in pairwise(steps):
        yield before
        if "delta" in repr(step)[:40]:
            yield Pause(gap)
    yield steps[-1]


async def serve(drop: float, port: int = 0) -> None:
    upstream = Upstream(port)
    upstream.otherwise = lambda request: script(request, drop)
    async with upstream:
        print(upstream.url, flush=True)
        while True:
            await asyncio.sleep(5)
            del upstream.requests[:-1]  # a long suite asks often


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="provider", description=re.sub(r"\s+", " ", __doc__ or ""))
    parser.add_argument("--drop", type=float, default=0.0, help="share of streams that break, 0 to 1")
    options = parser.parse_args()
    asyncio.run(serve(options.drop))
