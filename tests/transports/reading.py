"""Reading an event stream as plain bytes: no library, so that order of lines and ends of streams are seen."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from conformance.house import House

PATIENCE = 20
Block = dict[str, str]
"""One block: field name -> value, in the order of its lines."""


class Stream:
    """An open response of ``text/event-stream``."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self._chunks = response.aiter_bytes()
        self._rest = b""

    async def block(self) -> Block | None:
        """The next block; None at the end of the stream."""
        while b"\n\n" not in self._rest:
            async with asyncio.timeout(PATIENCE):
                chunk = await anext(self._chunks, None)
            if chunk is None:
                assert self._rest == b"", "the stream ended within a block"
                return None
            self._rest += chunk
        text, _, self._rest = self._rest.partition(b"\n\n")
        lines = [line.partition(": ") for line in text.decode().split("\n")]
        fields = {name: value for name, _, value in lines}
        assert len(fields) == len(lines), f"a field came twice in {text!r}"
        return fields

    async def blocks(self) -> list[Block]:
        """All blocks until the end of the stream."""
        found = []
        while (block := await self.block()) is not None:
            found.append(block)
        return found

    async def until(self, event: str) -> Block:
        """Read up to a block of this event."""
        while (block := await self.block()) is not None:
            if block["event"] == event:
                return block
        raise AssertionError(f"the stream ended before {event}")


@asynccontextmanager
async def stream(
    house: House, method: str, path: str, headers: dict[str, str] | None = None, **more: Any
) -> AsyncIterator[Stream]:
    """An open stream; fails when the answer is none."""
    async with house.http.stream(method, path, headers=headers, **more) as response:
        assert response.status_code == 200, await response.aread()
        yield Stream(response)


async def events(house: House, run: str, after: str | None = None, query: str = "") -> list[Block]:
    """All blocks of a run that ended, from a cursor."""
    headers = {"Last-Event-ID": after} if after else {}
    async with stream(house, "GET", f"/api/runs/{run}/events{query}", headers) as opened:
        return await opened.blocks()


def data(block: Block) -> Any:
    """The block's payload."""
    return json.loads(block["data"])


def durable(blocks: list[Block]) -> list[Block]:
    """The blocks that carry an id, without the reconnection time."""
    return [{k: v for k, v in block.items() if k != "retry"} for block in blocks if "id" in block]
