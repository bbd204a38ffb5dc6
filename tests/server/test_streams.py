"""A stream's way out: readers that are slow, stalled, gone or vanished, and what the application hears of it."""

from __future__ import annotations

import asyncio
import socket

import pytest
from server.apps import PIECE
from server.conftest import Serve
from server.peers import HELLO, Peer, blackhole

FOREVER = 3600.0
FLOODS = ["flood", "flood_asgi"]


@pytest.mark.parametrize("path", FLOODS)
async def test_a_reader_that_stops_is_cut_in_time_and_the_application_told(serve: Serve, path: str) -> None:
    server = await serve(slow_reader_seconds=0.4)
    control = await serve(slow_reader_seconds=FOREVER)
    await control.stream(path)
    await server.stream(path)
    await server.app.until("told")
    assert server.app.told == ["slow_reader"]
    assert server.server.cuts == {"slow_reader": 1}
    await server.until(lambda: server.server.open_connections == 0)
    assert control.app.told == []
    assert control.server.open_connections == 1


async def test_a_stalled_reader_holds_little_and_delays_nobody(serve: Serve) -> None:
    server = await serve(slow_reader_seconds=FOREVER)
    for _ in range(20):
        await server.stream("flood")
    await server.app.until("full", 20)
    held = [connection.get_write_buffer_size() for connection in server.connections]
    assert len(held) == 20
    assert all(0 < size <= len(PIECE) + 16 for size in held), "what the kernel did not take of one piece, and no other"
    good = await Peer.connect(server.address)
    await good.send(b"GET /drip?200 HTTP/1.1\r\nHost: x\r\n\r\n")
    await good.head()
    pieces = [await good.chunk() for _ in range(200)]
    assert pieces == [b"%d\n" % number for number in range(200)]


async def test_a_slow_reader_that_goes_on_reading_is_not_cut(serve: Serve) -> None:
    """It may take as long as it likes, if it takes something in each interval."""
    server = await serve(slow_reader_seconds=0.4)
    reader = await server.stream("flood")
    await server.stream("flood")  # and stalls
    await server.app.until("full", 2)
    stalled_is_cut = asyncio.ensure_future(server.until_cut("slow_reader"))
    while not stalled_is_cut.done():
        async with asyncio.timeout(5):
            await reader.reader.read(1024)
        await asyncio.sleep(0)
    await stalled_is_cut
    for _ in range(200):  # and is fed again
        async with asyncio.timeout(5):
            assert await reader.reader.read(16384)
    assert server.app.told == ["slow_reader"]


async def test_a_reader_that_takes_a_byte_now_and_then_is_cut(serve: Serve) -> None:
    server = await serve(slow_reader_seconds=0.4)
    loop = asyncio.get_running_loop()
    with socket.socket() as trickler:
        trickler.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        trickler.setblocking(False)
        await loop.sock_connect(trickler, server.address)
        await loop.sock_sendall(trickler, HELLO % b"flood")

        async def trickle() -> None:
            while True:
                await loop.sock_recv(trickler, 1)
                await asyncio.sleep(0.005)

        reading = asyncio.create_task(trickle())
        await server.until_cut("slow_reader")
        assert not reading.done()
        reading.cancel()


async def test_a_little_that_is_never_taken_counts_as_well(serve: Serve) -> None:
    """Also while the application waits for its own news and not for the peer."""
    server = await serve(slow_reader_seconds=0.5)
    await server.stream("hold")
    await server.app.until("streaming")
    [connection], [outlet] = server.connections, server.app.outlets
    while outlet.write(b"x" * 1000):  # until the kernels are full
        await asyncio.sleep(0.001)
    assert 0 < connection.get_write_buffer_size() < 1100
    await server.until_cut("slow_reader")
    await server.app.until("told")
    assert server.app.told == ["slow_reader"]


@pytest.mark.parametrize("path", ["hold", "flood", "flood_asgi"])
@pytest.mark.parametrize("how", ["close", "reset"])
async def test_a_peer_that_leaves_is_noticed_at_once(serve: Serve, path: str, how: str) -> None:
    server = await serve()
    peer = await server.stream(path, rcvbuf=None)
    await peer.head()
    if how == "close":
        peer.writer.close()
    else:
        peer.vanish()
    await server.app.until("told")
    assert server.app.told == ["peer"]
    await server.until(lambda: server.server.open_connections == 0)
    assert server.app.outlets[0].closed


async def test_the_news_that_a_peer_left_is_no_error(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    server = await serve()
    for path in FLOODS:
        peer = await server.stream(path)
        await peer.head()
        peer.vanish()
    await server.app.until("returned", 2)
    await server.until(lambda: not server.server._state.tasks)
    assert caplog.records == []


async def test_a_peer_that_vanished_is_gone_after_the_user_timeout(serve: Serve) -> None:
    """Its kernel neither acknowledges nor resets. The control has the default of 15 minutes, in effect."""
    server = await serve(user_timeout=1, slow_reader_seconds=FOREVER)
    control = await serve(user_timeout=900, slow_reader_seconds=FOREVER)
    for of in (control, server):
        peer = await of.stream("hold", rcvbuf=None)
        await of.app.until("streaming")
        await peer.head()
        blackhole(peer)
        of.app.outlets[0].write(b"heartbeat")
    await server.app.until("told", seconds=20)
    assert server.app.told == ["peer"]
    assert control.app.told == []
    assert control.server.open_connections == 1


async def test_an_end_that_nobody_takes_is_cut(serve: Serve) -> None:
    """``close()`` waits for what is still to be sent; without a bound of its own it would wait for ever."""
    server = await serve(closing_seconds=0.3, slow_reader_seconds=FOREVER)
    control = await serve(closing_seconds=FOREVER, slow_reader_seconds=FOREVER)
    for of in (control, server):
        await of.stream("flood")
        await of.app.until("full")
        of.connections[0].close()
    await server.until_cut("slow_reader")
    await server.until(lambda: server.server.open_connections == 0)
    assert control.server.open_connections == 1


async def test_the_application_may_abort(serve: Serve) -> None:
    server = await serve()
    peer = await server.stream("hold")
    await server.app.until("streaming")
    server.app.outlets[0].abort("key_revoked")
    assert server.app.outlets[0].reason == "key_revoked"
    await server.app.until("told")
    assert server.app.told == ["key_revoked"]
    await peer.rest()


async def test_callbacks_are_called_once_and_late_ones_too(serve: Serve) -> None:
    server = await serve()
    await server.stream("hold")
    await server.app.until("streaming")
    outlet, calls = server.app.outlets[0], []
    outlet.on_close(lambda: calls.append("early"))
    outlet.abort()
    outlet.abort()
    assert calls == ["early"]
    outlet.on_close(lambda: calls.append("late"))
    assert calls == ["early"]
    await server.until(lambda: calls == ["early", "late"])


async def test_callbacks_of_one_request_do_not_hear_of_the_next(serve: Serve) -> None:
    server = await serve()
    peer = await Peer.connect(server.address)
    await peer.ask("healthz")
    calls: list[str] = []
    await peer.send(HELLO % b"finite")
    await server.app.until("called", 2)
    server.app.outlets[1].on_close(lambda: calls.append("finite"))
    assert b"200" in await peer.head()
    while await peer.chunk():
        pass
    peer.vanish()
    await server.until(lambda: server.server.open_connections == 0)
    assert calls == []


async def test_writing_at_the_wrong_time_is_said(serve: Serve) -> None:
    server = await serve()
    peer = await Peer.connect(server.address)
    await peer.ask("healthz")
    [outlet] = server.app.outlets
    with pytest.raises(RuntimeError, match="has a length, or has ended"):
        outlet.write(b"more")


async def test_a_peer_address_is_known(serve: Serve) -> None:
    server = await serve()
    peer = await Peer.connect(server.address)
    await peer.ask("healthz")
    assert server.app.outlets[0].remote == peer.writer.get_extra_info("sockname")
