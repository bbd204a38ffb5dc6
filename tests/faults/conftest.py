"""The short fault suite: the parts of bench/faults on a scene of their own, each test with a control that must fail.

One process that forks services, one provider and one effect counter serve all tests; each test has its own data.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from faults.scene import Bench, Outside

from bench.faults.forked import Zygote
from bench.faults.processes import PYTHON, Child
from bench.faults.service import Service


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents and item.get_closest_marker("asyncio"):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def outside(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Outside]:
    counts = tmp_path_factory.mktemp("counter") / "effects.txt"
    children, urls = [], []
    for command in (["provider"], ["counter", str(counts)]):
        child, found = await Child.start([PYTHON, "-m", f"bench.faults.{command[0]}", *command[1:]], r"^(http://\S+)$")
        assert found is not None
        children.append(child)
        urls.append(found[1])
    async with Zygote() as zygote:
        yield Outside(zygote, urls[0], urls[1], counts)
    for child in children:
        await child.end()


@pytest_asyncio.fixture(loop_scope="session")
async def bench(outside: Outside, tmp_path: Path) -> AsyncIterator[Callable[..., Bench]]:
    """``bench(sabotage=None, **settings)``: a service that is not started yet."""
    services: list[Service] = []

    def make(sabotage: str | None = None, **settings: str) -> Bench:
        folder = tmp_path / f"data{len(services)}"
        service = Service(folder, provider=outside.provider, counter=outside.counter, zygote=outside.zygote, **settings)
        service.sabotage = sabotage
        services.append(service)
        return Bench(service, outside.counts, outside.zygote)

    yield make
    for service in services:
        await service.end()
