"""Work that must not stop half-way. In: something to await. Out: its result, later than a cancellation if need be."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def to_the_end(work: Coroutine[Any, Any, T]) -> T:
    """Await ``work``. A cancellation is passed on only when ``work`` is done; so ``work`` needs a bound of its own."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        if not task.cancelled():
            task.exception()  # looked at, so that the loop does not report it: the cancellation is the answer
        raise
