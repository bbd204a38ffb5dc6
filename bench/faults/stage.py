"""Builds the scene: provider, counter, service, nginx and haproxy, and a fault proxy before each of them.

In: a folder and options. Out: a :class:`Scene` while entered; every process is ended in reverse.
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import AsyncIterator
from pathlib import Path

from . import fronts
from .drivers import Scene
from .forked import Zygote
from .processes import PYTHON, Child
from .proxy import FaultProxy
from .service import Service

COUNTS = "effects.txt"


@contextlib.asynccontextmanager
async def stage(
    folder: Path,
    seed: int,
    *,
    drop: float = 0.03,
    with_fronts: bool = True,
    sabotage: str | None = None,
    mean_bytes: float = 5000.0,
    zygote: Zygote | None = None,
    **settings: str,
) -> AsyncIterator[Scene]:
    """``drop``: share of the provider's streams that break; ``mean_bytes``: how far a connection gets;
    ``zygote``: None starts the installed command."""
    async with contextlib.AsyncExitStack() as stack:

        async def outside(module: str, *arguments: str) -> str:
            command = [PYTHON, "-m", f"bench.faults.{module}", *arguments]
            child, found = await Child.start(command, r"^(http://\S+)$")
            stack.push_async_callback(child.end)
            assert found is not None
            return found[1]

        provider = await outside("provider", "--drop", str(drop))
        counter = await outside("counter", str(folder / COUNTS))
        service = Service(folder / "data", provider=provider, counter=counter, zygote=zygote, **settings)
        service.sabotage = sabotage
        stack.push_async_callback(service.end)
        await service.start()
        ports = [service.port]
        if with_fronts:
            for front in (fronts.nginx, fronts.haproxy):
                child, port = await front(folder, service.port)
                stack.push_async_callback(child.end)
                ports.append(port)
        proxies = []
        for number, port in enumerate(ports):
            proxy = FaultProxy(port, random.Random(f"{seed}:{number}"), mean_bytes)
            proxies.append(await stack.enter_async_context(proxy))
        yield Scene(service, proxies, seed)
