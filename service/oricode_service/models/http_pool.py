"""Connections to one server: opened, encrypted, led through a proxy, kept for the next request.

In: requests as bytes. Out: an :class:`Answer` whose head has arrived. Raises OSError (``ssl.SSLError`` is one) when the
server cannot be reached, TimeoutError when connecting takes too long.
"""

from __future__ import annotations

import asyncio
import ssl
from base64 import b64encode
from ipaddress import ip_address
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import getproxies_environment, proxy_bypass_environment  # type: ignore[attr-defined]

from .http_answer import Answer, Broken

KEEP_ALIVE_SECONDS = 30.0


class Pool:
    """One server's connections. Belongs to the event loop's thread."""

    def __init__(self, url: str, tls: ssl.SSLContext | None, connect_timeout: float, keep_alive: bool) -> None:
        """``url`` of the server; ``tls`` for https. ``connect_timeout`` in seconds."""
        self._server = urlsplit(url)
        self._tls = tls
        self._connect_timeout = connect_timeout
        self._keep_alive = keep_alive
        self._idle: dict[Answer, asyncio.TimerHandle] = {}
        proxy = proxy_for(url)
        self._proxy = urlsplit(proxy if "://" in proxy else f"http://{proxy}") if proxy else None

    @property
    def through_proxy(self) -> bool:
        """True when a proxy reads the requests: they must name the server in their first line."""
        return self._proxy is not None and self._tls is None

    @property
    def proxy_authorization(self) -> str | None:
        """The ``Proxy-Authorization`` that the proxy's address asks for."""
        return _basic(self._proxy) if self._proxy is not None else None

    async def send(self, request: bytes) -> Answer:
        """Send a request on a kept or a new connection; returns at once, the head is still to come."""
        while self._idle:
            answer, timer = self._idle.popitem()
            timer.cancel()
            if not answer.closed:
                answer.request(request)
                return answer
        async with asyncio.timeout(self._connect_timeout):
            answer = await self._connect()
        answer.request(request)
        return answer

    def give_back(self, answer: Answer) -> None:
        """The answer was read, or is of no interest any more."""
        if self._keep_alive and answer.reusable:
            loop = asyncio.get_running_loop()
            self._idle[answer] = loop.call_later(KEEP_ALIVE_SECONDS, self._expire, answer)
        else:
            answer.close()

    def _expire(self, answer: Answer) -> None:
        del self._idle[answer]
        answer.close()

    def close(self) -> None:
        """Close kept connections."""
        while self._idle:
            answer, timer = self._idle.popitem()
            timer.cancel()
            answer.close()

    async def _connect(self) -> Answer:
        loop = asyncio.get_running_loop()
        host, port = _place(self._server)
        if self._proxy is None:
            _, answer = await loop.create_connection(lambda: Answer(loop), host, port, ssl=self._tls)
            return answer
        transport, answer = await loop.create_connection(lambda: Answer(loop), *_place(self._proxy))
        if self._tls is None:
            return answer
        authority = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        login = f"Proxy-Authorization: {basic}\r\n" if (basic := _basic(self._proxy)) else ""
        answer.request(f"CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n{login}\r\n".encode("latin-1"))
        try:
            await answer.head()
        except Broken as why:
            raise OSError("the proxy closed the connection") from why
        if answer.status != 200:
            answer.close()
            raise OSError(f"the proxy answered {answer.status}")
        inner = Answer(loop)
        try:
            encrypted = await loop.start_tls(transport, inner, self._tls, server_hostname=host)
        except BaseException:
            transport.abort()
            raise
        if encrypted is None:
            raise OSError("the proxy closed the connection")
        inner.connection_made(encrypted)
        return inner


def _place(url: SplitResult) -> tuple[str, int]:
    return url.hostname or "", url.port or (443 if url.scheme == "https" else 80)


def _basic(proxy: SplitResult) -> str | None:
    if proxy.username is None:
        return None
    login = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    return "Basic " + b64encode(login.encode()).decode()


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
