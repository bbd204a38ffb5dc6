"""How many may be connected, and that a health check always may."""

from __future__ import annotations

import asyncio
import json

from server.conftest import Running, Serve
from server.peers import HELLO, Peer, peers


async def refusal(server: Running, path: str = "echo") -> tuple[int, str]:
    """Status and code of the answer to a new connection's request."""
    peer = await Peer.connect(server.address)
    await peer.send(HELLO % path.encode())
    head, _, body = (await peer.rest()).partition(b"\r\n\r\n")
    assert b"retry-after: 5" in head
    return int(head.split()[1]), json.loads(body)["code"]


async def healthy(server: Running) -> bool:
    peer = await Peer.connect(server.address)
    return (await peer.ask("healthz")).endswith(b"\r\n\r\nok")


async def test_streams_sockets_and_idle_connections_count_alike(serve: Serve) -> None:
    server = await serve(max_connections=3)
    await server.stream("hold")
    await server.socket("echo")
    idle = await Peer.connect(server.address)
    await idle.ask("healthz")
    assert await refusal(server) == (503, "unavailable")
    assert (await idle.ask("echo")).endswith(b"0")  # who is in stays in
    control = await serve(max_connections=4)
    for _ in range(3):
        await control.stream("hold")
    assert (await (await Peer.connect(control.address)).ask("echo")).endswith(b"0")


async def test_a_websocket_beyond_the_limit_is_refused_before_its_handshake(serve: Serve) -> None:
    server = await serve(max_connections=1)
    await server.socket("echo")
    peer = await Peer.connect(server.address)
    assert b" 503 " in await peer.upgrade()
    assert server.app.counts["called"] == 1


async def test_an_address_beyond_its_share_is_refused(serve: Serve) -> None:
    server = await serve(max_connections_per_address=1)
    await server.stream("hold")
    assert await refusal(server) == (429, "too_many_connections")
    trusting = await serve(max_connections_per_address=1, trusted_proxies=("127.0.0.0/8",))
    await trusting.stream("hold")
    peer = await Peer.connect(trusting.address)
    assert (await peer.ask("echo")).endswith(b"0")


async def test_who_leaves_makes_room(serve: Serve) -> None:
    server = await serve(max_connections=1)
    for _ in range(3):
        stream = await server.stream("hold")
        assert await refusal(server) == (503, "unavailable")
        stream.vanish()
        await server.until(lambda: server.server.open_connections == 0)
        socket = await server.socket("echo")
        assert await refusal(server) == (503, "unavailable")
        socket.vanish()
        await server.until(lambda: server.server.open_connections == 0)


async def test_health_answers_at_the_limit_and_makes_room_at_once(serve: Serve) -> None:
    server = await serve(max_connections=1, health_connections=1)
    await server.stream("hold")
    for _ in range(5):
        peer = await Peer.connect(server.address)
        assert b"connection: close" in await peer.ask("healthz")
        assert await peer.rest() == b""


async def test_health_answers_while_many_silent_peers_wait_at_the_limit(serve: Serve) -> None:
    server = await serve(max_connections=1, health_connections=4, head_seconds=3600)
    await server.stream("hold")
    async with peers(server.address, 50) as silent:
        for peer in silent[-4:]:
            peer.writer.write(b"GET /healthz HTTP/1.1\r\n")
        assert await healthy(server)
        left = [asyncio.ensure_future(peer.rest()) for peer in silent]
        await server.until(lambda: sum(task.done() for task in left) >= 46)
        assert await healthy(server)
        for task in left:
            task.cancel()


async def test_no_more_connections_are_promised_than_there_are_files(serve: Serve) -> None:
    server = await serve(max_connections=10_000_000)
    assert 0 < server.server._state.census.room < 10_000_000
    assert await healthy(server)
