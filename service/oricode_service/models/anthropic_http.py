"""Requests to an Anthropic server: headed as the official SDK heads them, sent on connections of our own.

In: a path and a body. Out: an answer whose body can be read, or an :class:`UpstreamFailure`. The SDK is asked once
per path what a request looks like (address, authentication, API version, what it says of itself); sending each one
through it, or through any general client, costs several times as much (``docs/decisions/0005``). Shields calls from
the environment the SDK reads by itself: key, address, ``Authorization`` in custom headers, tracing.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import Any

import anthropic
import httpx2
from anthropic import AsyncStream, Omit
from oricode_protocol import codec

from . import failures
from .http_answer import Answer, Broken
from .http_pool import Pool
from .port import UpstreamFailure

_ERROR_BYTES = 64 * 1024
"""Of an error's body; more is not read."""


class AnthropicHttp:
    """One connection pool to one server."""

    def __init__(self, *, key: str, url: str, read_timeout: float, connect_timeout: float, keep_alive: bool) -> None:
        """``key`` and ``url`` are usable ones; timeouts in seconds."""
        self._key = key
        self._url = url
        self._read_timeout = read_timeout
        self._connect_timeout = connect_timeout
        self._keep_alive = keep_alive
        tls = httpx2.create_ssl_context() if url.startswith("https:") else None
        if tls is not None:
            tls.set_alpn_protocols(["http/1.1"])
        self._pool = Pool(url, tls, connect_timeout, keep_alive)
        self._heads: dict[str, bytes] = {}

    async def post(self, path: str, body: bytes, model: str) -> Answer:
        """The answer's head; give the answer back when done. Raises UpstreamFailure for everything that is not 2xx.

        Whoever reads the body on must watch its silence; nobody else does.
        """
        if path not in self._heads:
            self._heads[path] = await self._head(path)
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

    def close(self) -> None:
        """Release the connections."""
        self._pool.close()

    async def _head(self, path: str) -> bytes:
        """What the SDK would put before a body that it posts to ``path``, but for its length."""
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
            "Connection": "keep-alive" if self._keep_alive else "close",
        }
        if self._pool.through_proxy and (login := self._pool.proxy_authorization):
            own["Proxy-Authorization"] = login
        async with client:
            await client.post(
                path,
                content=b"",
                options={"headers": own},
                cast_to=httpx2.Response,
                stream=True,
                stream_cls=AsyncStream[Any],
            )
        request = recorder.request
        assert request is not None
        target = str(request.url) if self._pool.through_proxy else request.url.raw_path.decode("ascii")
        lines = [f"POST {target} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in request.headers.items() if name.lower() != "content-length"]
        return ("\r\n".join(lines) + "\r\n").encode("latin-1")


class _Recorder(httpx2.AsyncBaseTransport):
    """Keeps the request instead of sending it."""

    def __init__(self) -> None:
        self.request: httpx2.Request | None = None

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.request = request
        return httpx2.Response(200)
