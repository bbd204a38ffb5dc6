"""Requests to an Anthropic server: headed as the official SDK heads them, sent on connections of our own.

In: a path and a body. Out: an answer whose body can be read, or an :class:`UpstreamFailure`. What the SDK puts before a
request (path, authentication, API version, what it says of itself) is known from :class:`Heads`; sending each one
through it, or through any general client, costs several times as much (``docs/decisions/0005``).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import ssl
import sys
import time
from urllib.parse import urlsplit

from oricode_protocol import codec

from . import failures
from .anthropic_heads import Heads, SdkUnusable
from .anthropic_wish import KEY, Head
from .http_answer import Answer, Broken
from .http_pool import Pool
from .port import UpstreamFailure

_ERROR_BYTES = 64 * 1024
"""Of an error's body; more is not read."""


class AnthropicHttp:
    """One connection pool to one server."""

    def __init__(
        self, *, key: str, url: str, read_timeout: float, connect_timeout: float, keep_alive: bool, heads: Heads
    ) -> None:
        """``key`` and ``url`` are usable ones; timeouts in seconds. Raises ValueError for a host that has no name."""
        self._key = key
        self._authority = _authority(url)
        self._scheme = urlsplit(url).scheme
        self._read_timeout = read_timeout
        self._connect_timeout = connect_timeout
        self._pool = Pool(url, _tls() if self._scheme == "https" else None, connect_timeout, keep_alive)
        self._asked = heads
        self._heads: dict[str, bytes] = {}
        """By path, from the first call on."""

    async def ready(self) -> None:
        """Return when calls can be made. Raises :class:`SdkUnusable`."""
        self._heads = {path: self._bytes(head) for path, head in (await self._asked.known()).items()}

    async def post(self, path: str, body: bytes, model: str) -> Answer:
        """The answer's head; give the answer back when done. Raises UpstreamFailure for everything that is not 2xx.

        Whoever reads the body on must watch its silence; nobody else does.
        """
        if path not in self._heads:
            await self._learn()
        request = b"%bContent-Length: %d\r\n\r\n%b" % (self._heads[path], len(body), body)
        try:
            answer = await self._pool.send(request)
        except OSError:  # TimeoutError is one
            raise failures.failure(failures.UNAVAILABLE) from None
        try:
            async with asyncio.timeout(self._read_timeout):
                await answer.head()
            if answer.status // 100 == 2:
                return answer
            raise await self._refusal(answer, model)
        except BaseException as why:
            self.give_back(answer)
            if isinstance(why, TimeoutError):
                raise self.silence() from None
            if isinstance(why, Broken):
                raise failures.failure(failures.UNAVAILABLE) from None
            raise

    def give_back(self, answer: Answer) -> None:
        """The answer was read, or is of no interest any more: then its connection is dropped at once."""
        self._pool.give_back(answer)

    async def _refusal(self, answer: Answer, model: str) -> UpstreamFailure:
        body, error = b"", None
        with contextlib.suppress(codec.MalformedJson, TimeoutError, Broken):
            async with asyncio.timeout(self._connect_timeout):
                while len(body) < _ERROR_BYTES and (piece := await answer.read()):
                    body += piece
            error = codec.loads(body)
        return failures.from_status(
            answer.status, answer.headers, error, model=model, now=time.time(), secret=self._key
        )

    def silence(self) -> UpstreamFailure:
        """The server said nothing for too long."""
        return failures.failure(failures.TIMEOUT, f"The model provider sent nothing for {self._read_timeout:g} s.")

    async def close(self) -> None:
        """Release the connections."""
        self._pool.close()
        await self._asked.close()

    async def _learn(self) -> None:
        """For calls that come before the SDK has said what they look like: just after the first start."""
        try:
            await self.ready()
        except SdkUnusable as why:
            raise failures.failure(failures.UNAVAILABLE, f"The model provider's SDK cannot be used: {why}.") from None

    def _bytes(self, head: Head) -> bytes:
        target = head.target
        headers = [("Host", self._authority), *head.headers]
        if self._pool.through_proxy:
            target = f"{self._scheme}://{self._authority}{target}"
            if login := self._pool.proxy_authorization:
                headers.append(("Proxy-Authorization", login))
        lines = [f"POST {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers)]
        text = ("\r\n".join(lines) + "\r\n").replace(KEY, self._key or "none")
        return text.encode("latin-1")


def _tls() -> ssl.SSLContext:
    """Trusts whom the SDK's own client trusts: whom the environment names, or else the system.

    What httpx2 does, whose import would take a fifth of the whole start and 12 MB; where the system's authorities are
    not simply a file, it does it.
    """
    paths = ssl.get_default_verify_paths()
    if named := os.environ.get("SSL_CERT_FILE"):
        tls = ssl.create_default_context(cafile=named)
    elif named := os.environ.get("SSL_CERT_DIR"):
        tls = ssl.create_default_context(capath=named)
    elif sys.platform == "linux" and os.path.isfile(paths.openssl_cafile):
        folder = paths.openssl_capath if os.path.isdir(paths.openssl_capath) else None
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        tls.load_verify_locations(paths.openssl_cafile, folder)
    else:
        import httpx2

        tls = httpx2.create_ssl_context()
    tls.set_alpn_protocols(["http/1.1"])
    return tls


def _authority(url: str) -> str:
    """Host and port as they stand in a request."""
    parts = urlsplit(url)
    host = (parts.hostname or "").encode("idna").decode("ascii")
    host = f"[{host}]" if ":" in host else host
    usual = 443 if parts.scheme == "https" else 80
    return host if parts.port in (None, usual) else f"{host}:{parts.port}"
