"""How the progress of a peer is judged, with a transport and a time made by hand."""

from __future__ import annotations

import asyncio
from math import inf
from typing import Any

import pytest
from oricode_service.transports.server import Limits
from oricode_service.transports.server.connection import STEP, Connection
from oricode_service.transports.server.state import State


class Transport(asyncio.Transport):
    """Has ``waiting`` bytes that the kernel does not take."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting = 0
        self.aborted = False
        self.writes: list[bytes] = []

    def write(self, data: Any) -> None:
        self.waiting += len(data)
        self.writes.append(bytes(data))

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None: ...

    def get_write_buffer_size(self) -> int:
        return self.waiting

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return None if name == "peername" else self

    def setsockopt(self, *_: object) -> None: ...

    def close(self) -> None: ...

    def abort(self) -> None:
        self.aborted = True


class Owner:
    def __init__(self) -> None:
        self.told: list[str] = []

    def check(self, now: float) -> float:
        return inf

    def cut(self, reason: str) -> None:
        self.told.append(reason)


@pytest.fixture
async def transport() -> Transport:
    return Transport()


@pytest.fixture
async def connection(transport: Transport) -> Connection:
    return Connection(transport, Owner(), State(Limits(slow_reader_seconds=30, closing_seconds=10)))


def pass_time(connection: Connection, transport: Transport, seconds: int, taken_per_second: int = 0) -> int:
    """Let time pass, a second at a time; how many seconds until it was aborted, or all of them."""
    began = asyncio.get_running_loop().time()
    for second in range(1, seconds + 1):
        transport.waiting = max(0, transport.waiting - taken_per_second)
        connection.due(began + second)
        if transport.aborted:
            return second
    return seconds


async def test_a_peer_that_takes_nothing_is_aborted_after_thirty_seconds(
    connection: Connection, transport: Transport
) -> None:
    connection.write(b"x")
    assert pass_time(connection, transport, 100) == 31  # a second to notice
    assert connection.owner.told == ["slow_reader"]  # type: ignore[attr-defined]
    assert connection.closed


async def test_a_peer_that_takes_a_few_bytes_a_second_is_aborted_as_well(
    connection: Connection, transport: Transport
) -> None:
    connection.write(b"x" * 60_000)
    assert pass_time(connection, transport, 100, taken_per_second=STEP // 40) == 31


async def test_a_peer_that_takes_enough_is_left_in_peace(connection: Connection, transport: Transport) -> None:
    connection.write(b"x" * 60_000)
    assert pass_time(connection, transport, 300, taken_per_second=STEP // 20) == 300
    assert transport.waiting == 0
    connection.write(b"x" * 100)
    assert pass_time(connection, transport, 300, taken_per_second=4) == 300  # a little must only be taken at all


async def test_a_peer_that_is_fed_as_fast_as_it_takes_is_left_in_peace(
    connection: Connection, transport: Transport
) -> None:
    """What waits does not get less, though it is never the same."""
    connection.write(b"x" * 30_000)
    began = asyncio.get_running_loop().time()
    for second in range(1, 200):
        transport.waiting -= 500
        connection.write(b"x" * 500)
        connection.due(began + second)
    assert not transport.aborted


async def test_a_peer_that_does_not_take_the_end_is_aborted_sooner(
    connection: Connection, transport: Transport
) -> None:
    connection.write(b"x")
    connection.close()
    assert pass_time(connection, transport, 100) == 10


async def test_nothing_is_done_to_a_connection_that_is_lost(connection: Connection, transport: Transport) -> None:
    connection.write(b"x")
    connection.lost()
    transport.waiting = 7  # as if the descriptor were somebody else's by now
    connection.abort()
    connection.close()
    connection.write(b"x")
    connection.wake_at(0.0)
    assert not transport.aborted
    assert connection.get_write_buffer_size() == 0
    assert (connection.reason, transport.waiting) == ("peer", 7)


async def test_a_head_and_the_body_behind_it_are_one_write(connection: Connection, transport: Transport) -> None:
    connection.gather()
    for piece in (b"head", b"body", b"more"):
        connection.write(piece)
    assert transport.writes == [b"headbody", b"more"]
    assert connection.handed == 12


async def test_a_head_without_a_body_leaves_at_the_end_of_the_turn(
    connection: Connection, transport: Transport
) -> None:
    connection.gather()
    connection.write(b"head")
    assert transport.writes == []
    await asyncio.sleep(0)
    assert transport.writes == [b"head"]
    connection.write(b"late")
    assert transport.writes == [b"head", b"late"]


async def test_the_next_answer_and_the_end_do_not_lose_a_head_that_waits(
    connection: Connection, transport: Transport
) -> None:
    connection.gather()
    connection.write(b"one")
    connection.gather()
    connection.write(b"two")
    connection.close()
    await asyncio.sleep(0)
    assert transport.writes == [b"one", b"two"]


async def test_an_aborted_connection_writes_nothing_that_waited(connection: Connection, transport: Transport) -> None:
    connection.gather()
    connection.write(b"head")
    connection.abort()
    await asyncio.sleep(0)
    assert transport.writes == []
