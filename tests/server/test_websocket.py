"""WebSocket: what a peer may send, how much and how fast, whether it still reads, and what the application hears."""

from __future__ import annotations

import asyncio
import zlib

import pytest
from server.conftest import Serve
from server.peers import Peer, blackhole, masked
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosedError

FOREVER = 3600.0
TEXT, CONT, BINARY, CLOSE, PING, PONG = 1, 0, 2, 8, 9, 10


def url(address: tuple[str, int], path: str = "echo") -> str:
    return f"ws://{address[0]}:{address[1]}/{path}"


# A real client first, so that what follows is not only our own reading of the standard.


async def test_a_real_client_and_the_server_understand_each_other(serve: Serve) -> None:
    server = await serve()
    async with connect(url(server.address)) as client:
        for size in (0, 1, 125, 126, 65535, 65536, 1_000_000):
            await client.send("x" * size)
            assert await client.recv() == str(size)
        await client.send(["in ", "three ", "pieces"])
        assert await client.recv() == "15"
        await client.send(b"\xff")
        assert await client.recv() == "1"
        await asyncio.wait_for(await client.ping(), 5)
    await server.app.until("told")
    assert server.app.told == [(1000, "")]
    assert server.server.cuts == {}


async def test_both_ways_of_writing_arrive_in_order_and_whole(serve: Serve) -> None:
    server = await serve()
    async with connect(url(server.address, "send")) as client:
        messages = [await client.recv() for _ in range(10)]
    sizes = (0, 125, 126, 65535, 65536)
    assert messages == ["o" * size for size in sizes] + ["a" * size for size in sizes]


# What a peer may send.


async def test_a_message_may_be_as_large_as_the_limit_and_no_larger(serve: Serve) -> None:
    server = await serve(message_bytes=1000)
    peer = await server.socket("echo")
    await peer.send(masked(TEXT, b"x" * 1000))
    assert await peer.frame() == (TEXT, b"1000")
    await peer.send(masked(TEXT, b"x" * 500, fin=False) + masked(CONT, b"x" * 501))
    assert await peer.close_code() == 1009
    await server.app.until("told")
    assert server.app.told[0][0] == 1009


async def test_a_message_may_have_as_many_pieces_as_the_limit_and_no_more(serve: Serve) -> None:
    server = await serve()
    control = await serve(message_fragments=65)

    def message(pieces: int) -> bytes:
        return masked(TEXT, b"x", fin=False) + masked(CONT, b"x", fin=False) * (pieces - 2) + masked(CONT, b"x")

    peer, other = await server.socket("echo"), await control.socket("echo")
    await peer.send(message(64))
    assert await peer.frame() == (TEXT, b"64")
    await peer.send(message(65))
    assert await peer.close_code() == 1008
    await other.send(message(65))
    assert await other.frame() == (TEXT, b"65")
    assert server.server.cuts == {"too_many_fragments": 1}


@pytest.mark.parametrize("piece", [b"", b"x"], ids=["empty", "one byte"])
async def test_a_flood_of_tiny_pieces_is_cut_and_others_are_served(serve: Serve, piece: bytes) -> None:
    server = await serve()
    peer, good = await server.socket("echo"), await server.socket("echo")
    await peer.send(masked(TEXT, piece, fin=False))
    everything = 64 * 1024 * 1024
    assert await peer.pour(masked(CONT, piece, fin=False) * 10_000, everything) < everything
    await server.app.until("told")
    assert server.app.told == [(1008, "too_many_fragments")]
    await good.send(masked(TEXT, b"still here"))
    assert await good.frame() == (TEXT, b"10")


@pytest.mark.parametrize("kind", ["messages", "pings", "pongs"])
async def test_more_frames_a_second_than_allowed_are_cut(serve: Serve, kind: str) -> None:
    frame = {"messages": masked(TEXT, b"x"), "pings": masked(PING, b"x" * 100), "pongs": masked(PONG)}[kind]
    server = await serve(messages_per_second=10)
    control = await serve(messages_per_second=1000)
    peer, other = await server.socket("echo"), await control.socket("echo")
    await peer.send(frame * 20)  # two seconds' worth at once is a burst
    if kind == "messages":
        assert [await peer.frame() for _ in range(20)] == [(TEXT, b"1")] * 20
    await peer.send(frame * 20)
    await other.send(frame * 40 + masked(TEXT, b"last"))
    assert await peer.close_code() == 1008
    await server.app.until("told")
    assert server.app.told == [(1008, "too_many_frames")]
    while (await other.frame()) != (TEXT, b"4"):
        pass


async def test_frames_at_the_allowed_rate_are_not_cut(serve: Serve) -> None:
    server = await serve(messages_per_second=200)
    peer = await server.socket("echo")
    for _ in range(600):  # three times what a burst may hold
        await peer.send(masked(TEXT, b"x"))
        assert await peer.frame() == (TEXT, b"1")
        await asyncio.sleep(0.005)


async def test_pongs_do_not_pile_up_for_a_peer_that_does_not_read(serve: Serve) -> None:
    server = await serve(messages_per_second=100_000, slow_reader_seconds=FOREVER)
    peer = await server.socket("flood")
    await server.app.until("full")
    [protocol] = server.server._state.connections
    for _ in range(50):
        await peer.send(masked(PING, b"p" * 125) * 100)
    await peer.send(masked(TEXT, b"when this has arrived, all before it has"))
    await server.until(lambda: not protocol.queue.empty())
    assert protocol.connection.get_write_buffer_size() <= 64 * 1024  # of ten times as much


async def test_a_refused_peer_that_is_still_sending_gets_its_close_frame_and_a_clean_end(serve: Serve) -> None:
    server = await serve()
    peer = await server.socket("echo", rcvbuf=None)
    peer.writer.write(masked(CONT) + masked(TEXT, b"x" * 700_000))
    assert await peer.close_code() == 1002
    async with asyncio.timeout(10):
        assert await peer.reader.read() == b""  # (a reset would raise)


async def test_a_refused_peer_that_stays_is_gone_although_the_application_has_not_returned(serve: Serve) -> None:
    server = await serve(linger_seconds=0.2)
    peer = await server.socket("deaf")
    await peer.send(masked(CONT))
    assert await peer.close_code() == 1002
    await server.until(lambda: server.server.open_connections == 0)
    assert server.app.counts["returned"] == 0
    server.app.proceed.set()
    await server.app.until("told")


async def test_compression_is_not_agreed_on_and_a_bomb_is_refused(serve: Serve) -> None:
    server = await serve()
    offer = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"
    peer = await Peer.connect(server.address)
    assert b"extensions" not in (await peer.upgrade("echo", offer)).lower()
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = squeeze.compress(bytes(2**24)) + squeeze.flush(zlib.Z_SYNC_FLUSH)
    await peer.send(masked(TEXT, bomb, rsv1=True))
    assert await peer.close_code() == 1002
    async with connect(url(server.address)) as client:  # a real client offers it by default
        await client.send("x" * 1000)
        assert await client.recv() == "1000"


async def test_a_message_that_does_not_arrive_in_time_is_cut(serve: Serve) -> None:
    server = await serve(body_seconds=0.3)
    control = await serve(body_seconds=FOREVER)
    for part in (masked(TEXT, b"half", fin=False), masked(TEXT, b"x" * 1000)[:500], b"\x81"):
        peer, patient = await server.socket("echo"), await control.socket("echo")
        await peer.send(part)
        await patient.send(part)
        assert await peer.close_code() == 1008
    assert control.server.cuts == {}
    await server.app.until("told", 3)


async def test_messages_one_after_the_other_are_not_one_late_message(serve: Serve) -> None:
    server = await serve(body_seconds=0.3)
    peer = await server.socket("echo")
    frame = masked(TEXT, b"x" * 100)
    await peer.send(frame[:50])
    for _ in range(60):  # there is always half a message waiting
        await peer.send(frame[50:] + frame[:50])
        assert await peer.frame() == (TEXT, b"100")
        await asyncio.sleep(0.01)


async def test_text_that_is_not_text_is_refused_without_a_line_in_the_log(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    server = await serve()
    peer = await server.socket("echo")
    await peer.send(masked(TEXT, b"\xff\xfe"))
    assert await peer.close_code() == 1007
    await server.app.until("told")
    assert server.app.told[0][0] == 1007
    assert caplog.records == []


# Whether it still reads, and still lives.


async def test_a_reader_that_stops_is_cut_in_time_and_the_application_told(serve: Serve) -> None:
    server = await serve(slow_reader_seconds=0.4)
    control = await serve(slow_reader_seconds=FOREVER)
    await control.socket("flood")
    await server.socket("flood")
    await server.app.until("told")
    assert server.app.told == [(4408, "slow_reader")]
    await server.until(lambda: server.server.open_connections == 0)
    assert control.app.told == []
    assert control.server.open_connections == 1


async def test_a_missing_pong_ends_it_and_the_application_is_told(serve: Serve) -> None:
    server = await serve(heartbeat_seconds=0.2, pong_seconds=0.3)
    control = await serve(heartbeat_seconds=0.2, pong_seconds=FOREVER)
    silent, other = await server.socket("echo"), await control.socket("echo")
    assert (await silent.frame())[0] == PING
    assert (await other.frame())[0] == PING
    assert await silent.close_code() == 1011
    await server.app.until("told")
    assert server.app.told == [(1011, "keepalive ping timeout")]
    await server.until(lambda: server.server.open_connections == 0)
    assert control.server.cuts == {}


async def test_a_missing_pong_of_a_peer_that_does_not_read_ends_it_just_as_soon(serve: Serve) -> None:
    """Closing would wait for the full buffer; the application would not be told for as long."""
    server = await serve(heartbeat_seconds=0.2, pong_seconds=0.3, slow_reader_seconds=FOREVER, closing_seconds=FOREVER)
    peer = await server.socket("echo")
    [connection] = server.connections
    assert (await peer.frame())[0] == PING
    outlet = server.app.outlets[0]
    while connection.taken() == connection.handed:  # fill it behind the ping
        outlet.write(b"x" * 1000)
        await asyncio.sleep(0)
    await server.app.until("told")
    assert server.app.told == [(1011, "keepalive ping timeout")]
    await server.until(lambda: server.server.open_connections == 0)


async def test_pongs_keep_it_open(serve: Serve) -> None:
    server = await serve(heartbeat_seconds=0.1, pong_seconds=0.3)
    peer = await server.socket("echo")
    pings = 0
    while pings < 10:
        opcode, data = await peer.frame()
        assert opcode == PING
        await peer.send(masked(PONG, b"stale") + masked(PONG, data))
        pings += 1
    await peer.send(masked(TEXT, b"here"))
    while (await peer.frame())[0] != TEXT:
        pass
    assert server.app.told == []


async def test_an_application_that_does_not_receive_does_not_make_its_peer_dead(serve: Serve) -> None:
    """Pongs wait behind the message it has not taken."""
    server = await serve(heartbeat_seconds=0.1, pong_seconds=0.2)
    peer, dead = await server.socket("deaf"), await server.socket("echo")
    await peer.send(masked(TEXT, b"unread"))
    assert await dead.close_code() == 1011  # by now the deaf one's pong was due as well
    server.app.proceed.set()
    await peer.send(masked(CLOSE, b"\x03\xe8"))
    await server.app.until("told", 2)
    assert (1000, "") in server.app.told


async def test_a_ping_that_waits_behind_other_data_is_not_missed(serve: Serve) -> None:
    server = await serve(heartbeat_seconds=0.1, pong_seconds=0.2)
    behind = await server.socket("flood")
    await server.app.until("full")
    for _ in range(3):  # each waits as long as the other's pong was due
        assert await (await server.socket("echo")).close_code() == 1011
    while (frame := await behind.frame())[0] != PING:
        pass
    await behind.send(masked(PONG, frame[1]))
    assert not server.app.outlets[0].closed
    assert (await behind.frame())[0] == TEXT


async def test_a_peer_that_vanished_is_gone_after_the_pong_was_due(serve: Serve) -> None:
    server = await serve(heartbeat_seconds=0.2, pong_seconds=0.3)
    peer = await server.socket("echo", rcvbuf=None)
    await server.app.until("accepted")
    blackhole(peer)
    await server.app.until("told")
    assert server.app.told == [(1011, "keepalive ping timeout")]


@pytest.mark.parametrize("path", ["echo", "flood"])
async def test_a_peer_that_leaves_without_a_word_is_noticed_at_once(serve: Serve, path: str) -> None:
    server = await serve()
    peer = await server.socket(path)
    peer.vanish()
    await server.app.until("told")
    assert server.app.told == [(1006, "")]
    assert server.app.outlets[0].reason == "peer"
    await server.until(lambda: server.server.open_connections == 0)


# Ends.


async def test_a_failing_application_ends_it_with_1011(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    server = await serve()
    with pytest.raises(ConnectionClosedError) as closed:
        async with connect(url(server.address, "fail")) as client:
            await client.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1011
    await server.until(lambda: "a bug of the application" in caplog.text)


async def test_a_peer_that_left_politely_is_written_to_no_more(serve: Serve) -> None:
    server = await serve()
    peer = await server.socket("echo")
    await peer.send(masked(CLOSE, b"\x03\xe9bye"))
    assert await peer.close_code() == 1001
    await server.app.until("told")
    assert server.app.told == [(1001, "bye")]
    assert server.app.outlets[0].closed
    with pytest.raises(OSError, match="gone"):
        server.app.outlets[0].write(b"too late")


async def test_writing_before_accepting_is_said(serve: Serve) -> None:
    server = await serve()
    refusals: list[str] = []

    async def hasty(scope, receive, send):  # type: ignore[no-untyped-def]
        await receive()
        try:
            server.app.outlets[0].write(b"hello")
        except RuntimeError as error:
            refusals.append(str(error))
        await send({"type": "websocket.close"})

    server.app.ws_hasty = hasty
    peer = await Peer.connect(server.address)
    assert b" 403 " in await peer.upgrade("hasty")
    assert refusals == ["the WebSocket has not been accepted"]
