"""Calls that wait for the database: for runs in progress, which pause while it is away and then go on.

A request is told at once that the service is unavailable; a run has nobody to tell and all the time it needs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from ..tools.programs import Deployment, Program, ProgramEntry, Programs, StoredState
from .port import StoreUnavailable

T = TypeVar("T")
RETRY_SECONDS = (0.05, 0.1, 0.2, 0.5, 1.0)


async def until_available(call: Callable[[], Awaitable[T]]) -> T:
    """The answer of ``call``, which must bear repetition; tried again until it is not StoreUnavailable."""
    tries = 0
    while True:
        try:
            return await call()
        except StoreUnavailable:
            await asyncio.sleep(RETRY_SECONDS[min(tries, len(RETRY_SECONDS) - 1)])
            tries += 1


class PatientPrograms:
    """Programs as tools see them. Every method bears repetition."""

    def __init__(self, programs: Programs) -> None:
        self._programs = programs

    async def put_chunk(
        self, user: str, program: str, *, index: int, total: int, code: str, language: str | None
    ) -> StoredState:
        put = self._programs.put_chunk
        return await until_available(lambda: put(user, program, index=index, total=total, code=code, language=language))

    async def program(self, user: str, name: str) -> Program | None:
        return await until_available(lambda: self._programs.program(user, name))

    async def programs(self, user: str) -> list[ProgramEntry]:
        return await until_available(lambda: self._programs.programs(user))

    async def set_deployed(self, user: str, name: str, deployment: Deployment) -> None:
        await until_available(lambda: self._programs.set_deployed(user, name, deployment))
