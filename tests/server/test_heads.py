"""What a response's head and frame say of its end, to peers that close and to those of HTTP/1.0."""

from __future__ import annotations

from typing import Any

import pytest
from server.apps import App
from server.conftest import Serve, running
from server.peers import Peer

STREAM = (b"one", b"two", b"three")


class Staying(App):
    """Streams under a ``Connection`` header of its own."""

    async def finite(self, scope: Any, receive: Any, send: Any) -> None:
        async def send_with_header(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"Connection", b"keep-alive")]
            await send(message)

        await super().finite(scope, receive, send_with_header)


def connection_headers(head: bytes) -> list[bytes]:
    lines = [line.lower() for line in head.split(b"\r\n")]
    return [line.removeprefix(b"connection: ") for line in lines if line.startswith(b"connection: ")]


async def test_the_application_says_what_becomes_of_the_connection_and_nobody_else() -> None:
    """Two headers that contradict each other would be one too many; the peer asked for the close and gets it."""
    async with running(Staying()) as server:
        peer = await Peer.connect(server.address)
        await peer.send(b"GET /finite HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert connection_headers(await peer.head()) == [b"keep-alive"]
        assert (await peer.rest()).endswith(b"0\r\n\r\n"), "and the connection was closed"


async def test_a_close_that_the_peer_asked_for_is_confirmed_otherwise(serve: Serve) -> None:
    server = await serve()
    peer = await Peer.connect(server.address)
    await peer.send(b"GET /finite HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert connection_headers(await peer.head()) == [b"close"]
    assert (await peer.rest()).endswith(b"0\r\n\r\n")


@pytest.mark.parametrize("more", [b"", b"Connection: keep-alive\r\n"])
async def test_a_stream_for_http_1_0_has_no_chunks_and_ends_with_its_connection(serve: Serve, more: bytes) -> None:
    server = await serve()
    peer = await Peer.connect(server.address)
    await peer.send(b"GET /finite HTTP/1.0\r\nHost: x\r\n" + more + b"\r\n")
    head = await peer.head()
    assert b"transfer-encoding" not in head.lower()
    assert connection_headers(head) == [b"close"]
    assert await peer.rest() == b"".join(STREAM)


async def test_an_answer_with_a_length_keeps_it_for_http_1_0(serve: Serve) -> None:
    server = await serve()
    peer = await Peer.connect(server.address)
    await peer.send(b"GET /healthz HTTP/1.0\r\nHost: x\r\n\r\n")
    assert b"content-length: 2\r\n" in await peer.head()
    assert await peer.rest() == b"ok"


async def test_a_stream_without_end_is_cut_for_a_slow_peer_of_http_1_0_too(serve: Serve) -> None:
    server = await serve(slow_reader_seconds=0.2)
    peer = await Peer.connect(server.address, rcvbuf=4096, limit=2048)
    server.peers.append(peer)
    await peer.send(b"GET /flood HTTP/1.0\r\nHost: x\r\n\r\n")
    await server.app.until("told")
    assert server.app.told == ["slow_reader"]
