"""HTTP below the Anthropic provider: requests headed as the official SDK heads them, sent by aiohttp.

In: a path and a body. Out: a response whose body can be read, or an :class:`UpstreamFailure`. The SDK is asked once
per path what a request looks like (address, authentication, API version, what it says of itself); sending each one
through it would cost three times as much (``docs/decisions/0005``). Shields calls from the environment the SDK and
aiohttp read by themselves: key, address, ``Authorization`` in custom headers, tracing, netrc.
"""

from __future__ import annotations

import asyncio
import time
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies_environment, proxy_bypass_environment  # type: ignore[attr-defined]

import aiohttp
import anthropic
import httpx2
from anthropic import AsyncStream, Omit
from multidict import CIMultiDict
from oricode_protocol import codec
from yarl import URL

from . import failures
from .port import UpstreamFailure

_KEEP_ALIVE_SECONDS = 30.0
_ERROR_BYTES = 64 * 1024
"""Of an error's body; more is not read."""

# What a connection can die of.
BROKEN = (aiohttp.ClientError, aiohttp.http.HttpProcessingError, OSError)


class AnthropicHttp:
    """One connection pool to one server."""

    def __init__(
        self, *, key: str, url: str, read_timeout: float, connect_timeout: float, max_streams: int, keep_alive: bool
    ) -> None:
        """``key`` and ``url`` are usable ones; timeouts in seconds."""
        self._key = key
        self._url = url
        self._read_timeout = read_timeout
        self._connect_timeout = connect_timeout
        self._max_streams = max_streams
        self._keep_alive = keep_alive
        self._proxy = proxy_for(url)
        self._heads: dict[str, tuple[URL, CIMultiDict[str]]] = {}
        self._session: aiohttp.ClientSession | None = None

    async def post(self, path: str, body: bytes, model: str) -> aiohttp.ClientResponse:
        """The answer's head; close the response when done. Raises UpstreamFailure for everything that is not 2xx.

        Whoever reads the body on must watch its silence; nobody else does.
        """
        if path not in self._heads:
            self._heads[path] = await self._head(path)
        url, headers = self._heads[path]
        try:
            async with asyncio.timeout(self._connect_timeout + self._read_timeout):
                response = await self._open().post(url, data=body, headers=headers, proxy=self._proxy)
        except (aiohttp.ConnectionTimeoutError, aiohttp.ClientConnectionResetError):
            raise failures.failure(failures.UNAVAILABLE) from None
        except TimeoutError:
            raise self.silence() from None
        except BROKEN:
            raise failures.failure(failures.UNAVAILABLE) from None
        if response.status // 100 == 2:
            return response
        try:
            raise await self._refusal(response, model)
        finally:
            response.close()

    async def _refusal(self, response: aiohttp.ClientResponse, model: str) -> UpstreamFailure:
        try:
            async with asyncio.timeout(self._connect_timeout):
                error = codec.loads(await response.content.read(_ERROR_BYTES))
        except (codec.MalformedJson, TimeoutError, *BROKEN):
            error = None
        return failures.from_status(
            response.status, response.headers, error, model=model, now=time.time(), secret=self._key
        )

    def silence(self) -> UpstreamFailure:
        """The server said nothing for too long."""
        return failures.failure(failures.TIMEOUT, f"The model provider sent nothing for {self._read_timeout:g} s.")

    async def close(self) -> None:
        """Release the connections."""
        if self._session is not None:
            await self._session.close()

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            tls = httpx2.create_ssl_context() if self._url.startswith("https:") else True
            if self._keep_alive:
                connector = aiohttp.TCPConnector(
                    limit=self._max_streams, ssl=tls, keepalive_timeout=_KEEP_ALIVE_SECONDS
                )
            else:
                connector = aiohttp.TCPConnector(limit=self._max_streams, ssl=tls, force_close=True)
            self._session = aiohttp.ClientSession(
                connector=connector,
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._connect_timeout),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding"),
            )
        return self._session

    async def _head(self, path: str) -> tuple[URL, CIMultiDict[str]]:
        """Where and with which headers the SDK posts to ``path``."""
        recorder = _Recorder()
        client = anthropic.AsyncAnthropic(
            api_key=self._key or "none",  # never None, or the SDK looks for one in the environment
            base_url=self._url,
            timeout=httpx2.Timeout(self._read_timeout, connect=self._connect_timeout),
            max_retries=0,
            open_telemetry={"traces": False, "propagation": False},
            http_client=httpx2.AsyncClient(transport=recorder, trust_env=False),
        )
        # The request's own headers win over ANTHROPIC_CUSTOM_HEADERS. No compression: it would only hold deltas back.
        own: dict[str, str | Omit] = {
            "Authorization": f"Bearer {self._key or 'none'}",
            "X-Api-Key": Omit(),
            "Accept": "text/event-stream",
            "Accept-Encoding": "identity",
        }
        async with client:
            await client.post(
                path,
                content=b"",
                options={"headers": own},
                cast_to=httpx2.Response,
                stream=True,
                stream_cls=AsyncStream[Any],
            )
        assert recorder.request is not None
        headers = CIMultiDict(recorder.request.headers.items())
        for name in ("Host", "Content-Length", "Connection"):
            headers.popall(name, None)
        return URL(str(recorder.request.url), encoded=True), headers


class _Recorder(httpx2.AsyncBaseTransport):
    """Keeps the request instead of sending it."""

    def __init__(self) -> None:
        self.request: httpx2.Request | None = None

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.request = request
        return httpx2.Response(200)


def proxy_for(url: str) -> str | None:
    """The proxy that the environment names for ``url`` (``HTTPS_PROXY``, ``ALL_PROXY``, ``NO_PROXY``), if any."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    proxies = getproxies_environment()
    if _is_loopback(host) or proxy_bypass_environment(host, proxies):  # a company's proxy is for the world outside
        return None
    return proxies.get(parts.scheme) or proxies.get("all")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
