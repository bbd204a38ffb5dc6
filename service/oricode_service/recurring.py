"""Work that recurs as long as the service runs: retention, revoked keys, and what other instances do.

In: the parts that it is about. Out: coroutines that run until they are cancelled.
"""

from __future__ import annotations

import asyncio
import contextlib

from .access.revocations import Revocations
from .engine.orders import Orders
from .engine.runs import Engine
from .log.follower import Follower
from .settings import Settings
from .store.port import Store, StoreUnavailable
from .transports.streams import now_ms


async def sweep(store: Store, settings: Settings) -> None:
    """Retention, again and again."""
    keep_ms = int(settings.retention_hours * 3_600_000)
    trimmed = 0
    while True:
        # A full piece of work means there is more; a pause between pieces keeps the writer free for runs.
        await asyncio.sleep(0.01 if trimmed else settings.sweep_seconds)
        with contextlib.suppress(StoreUnavailable):
            trimmed = await store.runs.sweep(now_ms(), keep_ms)


async def watch(revocations: Revocations, engine: Engine, follower: Follower | None) -> None:
    """Hear of revoked keys, and with several instances of what the others do. ``follower`` None: there are none."""
    async with asyncio.TaskGroup() as group:
        group.create_task(revocations.run())
        group.create_task(Orders(engine).run())
        if follower is not None:
            group.create_task(follower.run())
