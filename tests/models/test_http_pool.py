"""Connections to a model's server, against small servers that say odd things: TLS, proxies, heads, ends."""

from __future__ import annotations

import asyncio
import datetime
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from oricode_service.models.http_answer import BUFFER_BYTES, HEAD_BYTES, Answer, Broken
from oricode_service.models.http_pool import Pool

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
REQUEST = b"POST /v1/messages HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"
PATIENCE = 10


@asynccontextmanager
async def serving(handler: Handler, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    server = await asyncio.start_server(handler, "127.0.0.1", 0, ssl=tls)
    async with server:
        yield server.sockets[0].getsockname()[1]


def saying(*answers: bytes) -> Handler:
    """Reads a request and says the next answer, then the next one; closes behind the last."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in answers:
            await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(2)
            writer.write(answer)
        await writer.drain()
        writer.close()

    return handle


async def asked(port: int, pool: Pool | None = None) -> tuple[Answer, bytes]:
    """The answer and its whole body."""
    async with asyncio.timeout(PATIENCE):
        answer = await (pool or Pool(f"http://127.0.0.1:{port}", None, 5, keep_alive=False)).send(REQUEST)
        await answer.head()
        body = b""
        while piece := await answer.read():
            body += piece
        return answer, body


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a certificate for 127.0.0.1 that signs itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "models")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(secret + made.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture
def encrypted(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"


async def test_an_answer_comes_encrypted_and_an_unknown_certificate_is_refused(
    certificate: Path, encrypted: ssl.SSLContext
):
    async with serving(saying(OK), encrypted) as port:
        knowing = ssl.create_default_context(cafile=str(certificate))
        _, body = await asked(port, Pool(f"https://127.0.0.1:{port}", knowing, 5, keep_alive=False))
        assert body == b"hi"
        with pytest.raises(OSError, match="certificate"):
            await asked(port, Pool(f"https://127.0.0.1:{port}", ssl.create_default_context(), 5, keep_alive=False))


def proxy(seen: list[bytes], status: bytes = b"200 Connection established") -> Handler:
    """A proxy that leads everything to the port that the request names on this machine."""

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
        writer.close()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        seen.append(head)
        method, target, _ = head.split(b" ", 2)
        if method != b"CONNECT":
            await reader.readexactly(2)
            writer.write(OK)
            writer.close()
            return
        writer.write(b"HTTP/1.1 " + status + b"\r\n\r\n")
        if not status.startswith(b"200"):
            writer.close()
            return
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", int(target.rpartition(b":")[2]))
        await asyncio.gather(pump(reader, inner_writer), pump(inner_reader, writer))

    return handle


async def test_a_proxy_leads_to_an_encrypted_server_with_its_own_password(
    certificate: Path, encrypted: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
):
    seen: list[bytes] = []
    async with serving(saying(OK), encrypted) as port, serving(proxy(seen)) as door:
        monkeypatch.setenv("https_proxy", f"http://anna:s%20cret@127.0.0.1:{door}")
        monkeypatch.setenv("no_proxy", "")
        tls = ssl.create_default_context(cafile=str(certificate))
        tls.check_hostname = False  # the certificate is for an address that no proxy is asked for
        _, body = await asked(port, Pool(f"https://models.example:{port}", tls, 5, keep_alive=False))
    assert body == b"hi"
    assert seen[0].startswith(f"CONNECT models.example:{port} HTTP/1.1\r\n".encode())
    assert b"Proxy-Authorization: Basic YW5uYTpzIGNyZXQ=\r\n" in seen[0]


async def test_a_proxy_that_refuses_is_a_server_that_cannot_be_reached(monkeypatch: pytest.MonkeyPatch):
    async with serving(proxy([], b"407 Proxy Authentication Required")) as door:
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{door}")
        pool = Pool("https://models.example", ssl.create_default_context(), 5, keep_alive=False)
        with pytest.raises(OSError, match="407"):
            await pool.send(REQUEST)


async def test_plain_requests_are_given_to_the_proxy_itself(monkeypatch: pytest.MonkeyPatch):
    seen: list[bytes] = []
    async with serving(proxy(seen)) as door:
        monkeypatch.setenv("http_proxy", f"127.0.0.1:{door}")
        pool = Pool("http://models.example", None, 5, keep_alive=False)
        assert pool.through_proxy
        _, body = await asked(0, pool)
    assert body == b"hi"
    assert seen == [REQUEST[:-2]]


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n" + OK,
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nh\r\n1;x=y\r\ni\r\n0\r\nt: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\nhi",
        b"HTTP/1.0 200 OK\r\n\r\nhi",
    ],
)
async def test_every_way_to_send_a_body_is_read(data: bytes):
    async with serving(saying(data)) as port:
        answer, body = await asked(port)
    assert (answer.status, body) == (200, b"hi")
    assert "link" not in answer.headers


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no HTTP at all\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"x: " + b"y" * HEAD_BYTES + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nhi",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhi",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    ],
)
async def test_what_is_cut_off_or_no_http_is_broken(data: bytes):
    async with serving(saying(data)) as port:
        with pytest.raises(Broken):
            await asked(port)


async def test_a_kept_connection_that_the_server_closed_is_not_used_again():
    async with serving(saying(OK)) as port:
        pool = Pool(f"http://127.0.0.1:{port}", None, 5, keep_alive=True)
        first, _ = await asked(port, pool)
        pool.give_back(first)
        async with asyncio.timeout(PATIENCE):
            while not first.closed:
                await asyncio.sleep(0.001)
        second, body = await asked(port, pool)
        assert second is not first
        assert body == b"hi"
        pool.close()


async def test_a_reader_that_does_not_keep_up_makes_the_server_wait():
    stuck = asyncio.Event()
    sent = 0

    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        writer.transport.set_write_buffer_limits(0)
        try:
            async with asyncio.timeout(1):
                while sent < 64 * 1024 * 1024:
                    writer.write(b"x" * 65536)
                    await writer.drain()
                    sent += 65536
        except TimeoutError:
            stuck.set()
        writer.close()

    async with serving(flood) as port:
        answer = await Pool(f"http://127.0.0.1:{port}", None, 5, keep_alive=False).send(REQUEST)
        await answer.head()
        async with asyncio.timeout(PATIENCE):
            await stuck.wait()
            total = 0
            while piece := await answer.read():
                total += len(piece)
        assert total >= sent >= BUFFER_BYTES
        answer.close()
