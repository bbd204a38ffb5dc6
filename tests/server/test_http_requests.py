"""What a peer may send over HTTP, how much and how slowly. Each bound beside a control that has it looser."""

from __future__ import annotations

import asyncio
import json

import pytest
from server.conftest import Serve
from server.peers import HELLO, Peer, peers

FOREVER = 3600.0


def status(answer: bytes) -> int:
    return int(answer.split(b" ")[1])


def code(answer: bytes) -> str:
    """The code of a refusal, which must be the only thing in ``answer``."""
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"content-type: application/problem+json" in head
    assert b"connection: close" in head
    problem = json.loads(body)
    assert problem["status"] == status(answer)
    return str(problem["code"])


async def ask(address: tuple[str, int], request: bytes) -> bytes:
    """Everything that comes back for ``request`` until the server closes."""
    peer = await Peer.connect(address)
    peer.writer.write(request)
    return await peer.rest()


async def test_requests_on_one_connection_are_answered_in_turn(serve: Serve) -> None:
    server = await serve()
    peer = await Peer.connect(server.address)
    assert (await peer.ask("healthz")).endswith(b"ok")
    await peer.send(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello")
    assert (await peer.answer()).endswith(b"\r\n\r\n5")
    await peer.send(HELLO % b"finite")
    assert b"transfer-encoding: chunked" in await peer.head()
    assert [await peer.chunk() for _ in range(3)] == [b"one", b"twothree", b""]
    await peer.send(HELLO % b"healthz" * 3)  # all at once
    assert [(await peer.answer())[-2:] for _ in range(3)] == [b"ok"] * 3
    assert server.server.cuts == {}


# The head.


def head_of(size: int) -> bytes:
    """A request whose head, as counted (target and header lines), has ``size`` bytes."""
    fixed = len(b"/healthz") + len(b"Host") + len(b"x") + 4 + len(b"X-A") + 4 + len(b"Connection") + len(b"close") + 4
    return b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-A: %s\r\n\r\n" % (b"a" * (size - fixed))


async def test_a_head_may_be_as_large_as_the_limit_and_no_larger(serve: Serve) -> None:
    server = await serve(head_bytes=10_000)
    assert status(await ask(server.address, head_of(10_000))) == 200
    assert code(await ask(server.address, head_of(10_001))) == "header_too_large"
    control = await serve(head_bytes=20_000)
    assert status(await ask(control.address, head_of(10_001))) == 200


@pytest.mark.parametrize(
    ("start", "more"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\nX-A: ", b"a"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX-A", b"a"),
        (b"GET / HTTP/1.1\r\n", b"X-A: b\r\n"),
        (b"GET /", b"a"),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1;", b"a"),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-A: ", b"a"),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"X-A: b\r\n"),
        (b"", b"\r\n"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nX-A: ", b"a"),
    ],
    ids=["value", "name", "lines", "target", "chunk extension", "trailer", "trailers", "blank lines", "upgrade"],
)
async def test_a_head_without_end_is_cut_at_the_limit(serve: Serve, start: bytes, more: bytes) -> None:
    server = await serve(head_seconds=FOREVER, body_seconds=FOREVER)
    peer = await Peer.connect(server.address)
    await peer.send(start)
    everything = 64 * 1024 * 1024
    assert await peer.pour(more * (4096 // len(more)), everything) < everything
    assert server.server.cuts["header_too_large"] == 1
    await server.until(lambda: server.app.counts["returned"] == server.app.counts["called"])


async def test_too_many_header_lines_are_refused(serve: Serve) -> None:
    server = await serve(head_count=20)
    lines = b"".join(b"X-%d: y\r\n" % number for number in range(18))
    request = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s\r\n"
    assert status(await ask(server.address, request % lines)) == 200
    assert code(await ask(server.address, request % (lines + b"Y: y\r\n"))) == "header_too_large"


async def test_a_trailer_becomes_a_header_neither_of_its_request_nor_of_the_next(serve: Serve) -> None:
    server = await serve()
    peer = await Peer.connect(server.address)
    chunked = (
        b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX-Api-Key: k\r\n\r\n"
    )
    await peer.send(chunked + HELLO % b"echo")
    assert (await peer.answer()).endswith(b"2")
    assert (await peer.answer()).endswith(b"0")
    assert [name for scope in server.app.scopes for name, _ in scope["headers"]] == [
        b"host", b"transfer-encoding", b"host",
    ]  # fmt: skip


async def test_a_hundred_slow_heads_are_closed_in_time_and_others_are_served(serve: Serve) -> None:
    server = await serve(head_seconds=0.4)
    control = await serve(head_seconds=FOREVER)
    async with peers(server.address, 100) as slow, peers(control.address, 1) as [patient]:
        for peer in [*slow, patient]:
            peer.writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nX-A: ")
        good = await Peer.connect(server.address)
        assert status(await good.ask("healthz")) == 200
        for peer in slow[:50]:
            peer.writer.write(b"a")  # a byte now and then does not help
        answers = await asyncio.gather(*[peer.rest() for peer in slow])
        assert {code(answer) for answer in answers} == {"request_timeout"}
        await server.until(lambda: server.server.open_connections <= 1)
        assert control.server.open_connections == 1
        assert server.app.counts["called"] == 1


async def test_a_connection_that_says_nothing_is_closed_without_a_word(serve: Serve) -> None:
    server = await serve(head_seconds=0.2)
    assert await (await Peer.connect(server.address)).rest() == b""
    assert server.server.cuts == {}


async def test_an_idle_connection_is_closed_and_a_busy_one_is_not(serve: Serve) -> None:
    server = await serve(idle_seconds=0.3, head_seconds=FOREVER)
    idle, busy = await Peer.connect(server.address), await Peer.connect(server.address)
    await idle.ask("healthz")
    await busy.send(HELLO % b"hold")
    await busy.head()
    assert await idle.rest() == b""
    assert server.server.open_connections == 1


# The body.


async def test_a_slow_body_is_refused_and_the_application_told(serve: Serve) -> None:
    server = await serve(body_seconds=0.3)
    control = await serve(body_seconds=FOREVER)
    request = b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nsome"
    patient = await Peer.connect(control.address)
    await patient.send(request)
    assert code(await ask(server.address, request)) == "request_timeout"
    await server.app.until("told")
    assert control.app.counts["told"] == 0
    assert control.server.open_connections == 1
    patient.vanish()


async def test_a_body_that_the_application_leaves_unread_is_not_slow(serve: Serve) -> None:
    server = await serve(body_seconds=0.2)
    peer = await Peer.connect(server.address)
    await peer.send(b"POST /hold HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n" + b"x" * 150_000)
    await peer.head()
    slow = b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n"
    assert code(await ask(server.address, slow)) == "request_timeout"  # its time began later, and has passed
    assert server.app.told == ["http.disconnect"]
    peer.vanish()


@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunks"])
async def test_a_body_beyond_the_limit_is_refused(serve: Serve, chunked: bool) -> None:
    server = await serve(body_bytes=1000)

    def request(size: int) -> bytes:
        start = b"POST /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        if not chunked:
            return start + b"Content-Length: %d\r\n\r\n" % size + b"x" * size
        return start + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * size + b"0\r\n\r\n"

    assert (await ask(server.address, request(1000))).endswith(b"1000")
    assert code(await ask(server.address, request(1001))) == "body_too_large"


async def test_an_application_is_promised_that_send_raises(serve: Serve) -> None:
    """ASGI 2.4; frameworks then need no task that waits for the disconnect."""
    server = await serve()
    await (await Peer.connect(server.address)).ask("healthz")
    assert server.app.scopes[0]["asgi"]["spec_version"] == "2.4"


async def test_an_answer_given_before_the_body_came_leaves_the_connection_usable(serve: Serve) -> None:
    server = await serve()
    peer = await Peer.connect(server.address)
    await peer.send(b"POST /early HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n12345")
    assert (await peer.answer()).endswith(b"no")
    await peer.send(b"67890" + HELLO % b"healthz")
    assert (await peer.answer()).endswith(b"ok")


async def test_a_body_that_never_comes_after_its_answer_is_cut(serve: Serve) -> None:
    server = await serve(body_seconds=0.3, idle_seconds=FOREVER)
    peer = await Peer.connect(server.address)
    await peer.send(b"POST /early HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n12345")
    await peer.answer()
    assert code(await peer.rest()) == "request_timeout"


# What is not HTTP, or in the wrong place.


@pytest.mark.parametrize(
    "request_",
    [
        b"\x16\x03\x01\x02\x00",
        b"GET / HTTP/1.1\r\nHost : x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX: a\nY: b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX: a\x00b\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/9.9\r\nHost: x\r\n\r\n",
        b"BREW / HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
)
async def test_what_is_not_http_is_400(serve: Serve, request_: bytes) -> None:
    server = await serve(head_seconds=5)
    assert code(await ask(server.address, request_)) == "invalid_request"
    assert server.app.counts["called"] == 0


async def test_a_body_that_breaks_off_into_nonsense_is_400(serve: Serve) -> None:
    server = await serve()
    request = b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\nzz\r\n"
    assert code(await ask(server.address, request)) == "invalid_request"
    await server.app.until("told")
    assert server.app.told == ["http.disconnect"]


@pytest.mark.parametrize(
    "more",
    [b"\x00nonsense\r\n\r\n", b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"],
    ids=["nonsense", "an upgrade"],
)
async def test_nothing_foreign_gets_into_a_stream(serve: Serve, more: bytes) -> None:
    """Our choice: what the peer sends during a stream resets it, since there is no place for an answer."""
    server = await serve()
    peer = await Peer.connect(server.address)
    await peer.send(HELLO % b"hold")
    await peer.head()
    assert await peer.chunk() == b"hello"
    await peer.send(more)
    assert await peer.rest() == b""
    await server.app.until("told")
    assert server.app.told == ["invalid_request"]


async def test_requests_sent_far_ahead_are_cut(serve: Serve) -> None:
    server = await serve(pipelined=4)
    control = await serve(pipelined=4000)
    for of in (server, control):
        peer = await Peer.connect(of.address)
        await peer.send(HELLO % b"hold")
        await peer.head()
        await peer.send(HELLO % b"healthz" * 3000)
        if of is server:
            assert b"ok" not in await peer.rest()
            await server.app.until("told")
        else:
            assert of.server.open_connections == 1
            peer.vanish()
    assert server.app.counts["called"] == control.app.counts["called"] == 1


async def test_a_request_that_waits_for_its_turn_is_told_of_the_end_as_well(serve: Serve) -> None:
    server = await serve()
    peer = await Peer.connect(server.address)
    await peer.send(HELLO % b"hold" + HELLO % b"echo")
    await peer.head()
    peer.vanish()
    await server.app.until("told")
    assert server.app.told == ["peer"]


@pytest.mark.parametrize("split", [None, 30, 200, -2], ids=["whole", "in the head", "later", "in the body"])
async def test_an_offer_of_http_2_is_passed_over(serve: Serve, split: int | None) -> None:
    """Java's client makes it with every first request, also one with a body. (The parser would drop the body.)"""
    server = await serve()
    peer = await Peer.connect(server.address)
    request = (
        b"POST /echo HTTP/1.1\r\nConnection: Upgrade, HTTP2-Settings\r\nHost: x\r\nContent-Length: 5\r\n"
        b"HTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA\r\nUpgrade: h2c\r\nX-A: b\r\n\r\nhello"
    )
    await peer.send(request[:split])
    if split is not None:
        await server.until(lambda: server.server.open_connections == 1)
        await peer.send(request[split:])
    assert (await peer.answer()).endswith(b"5")
    assert [name for name, _ in server.app.scopes[0]["headers"]] == [b"host", b"content-length", b"x-a"]
    assert (await peer.ask("healthz")).endswith(b"ok")


async def test_a_forwarded_address_is_believed_of_a_trusted_proxy_only(serve: Serve) -> None:
    request = b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: https\r\n\r\n"
    for proxies, client, scheme in (
        ((), "127.0.0.1", "http"),
        (("10.0.0.0/8",), "127.0.0.1", "http"),
        (("127.0.0.0/8",), "192.0.2.7", "https"),
        (("*",), "192.0.2.7", "https"),
    ):
        server = await serve(trusted_proxies=proxies)
        peer = await Peer.connect(server.address)
        await peer.send(request)
        await peer.answer()
        assert (server.app.scopes[0]["client"][0], server.app.scopes[0]["scheme"]) == (client, scheme)


async def test_a_proxy_is_not_what_we_are(serve: Serve) -> None:
    server = await serve()
    assert status(await ask(server.address, b"CONNECT example.org:443 HTTP/1.1\r\nHost: example.org\r\n\r\n")) == 405


async def test_an_upgrade_that_is_not_a_websocket_request_is_answered(serve: Serve) -> None:
    server = await serve()
    upgrade = b"GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n%s\r\n"
    assert status(await ask(server.address, upgrade % b"")) == 400
    assert status(await ask(server.address, upgrade % b"Content-Length: 3\r\n" + b"abc")) == 400
    assert status(await ask(server.address, upgrade % b"X-Long: %s\r\n" % (b"a" * 10_000))) == 431
    await server.until(lambda: not server.server.open_connections)
    assert server.app.counts["called"] == 0


async def test_a_bad_request_after_a_good_one_is_refused_not_reset(serve: Serve) -> None:
    server = await serve()
    peer = await Peer.connect(server.address)
    await peer.ask("healthz")
    await peer.send(b"nonsense\r\n\r\n")
    assert code(await peer.rest()) == "invalid_request"


async def test_a_refused_peer_that_is_still_sending_gets_its_answer_and_a_clean_end(serve: Serve) -> None:
    """Closing with unread bytes would reset the connection, and the peer might never see why."""
    server = await serve()
    peer = await Peer.connect(server.address)
    peer.writer.write(b"GET / HTTP/1.1\r\nX-A: " + b"a" * 100_000 + b"\r\nX-B: " + b"b" * 700_000)
    async with asyncio.timeout(10):
        assert code(await peer.reader.read()) == "header_too_large"  # (a reset would raise)


async def test_a_refused_peer_that_sends_for_ever_is_cut(serve: Serve) -> None:
    server = await serve(linger_seconds=FOREVER)
    peer = await Peer.connect(server.address)
    everything = 64 * 1024 * 1024
    assert await peer.pour(b"\x00" * 10_000, everything) < everything
    await server.until(lambda: server.server.open_connections == 0)
