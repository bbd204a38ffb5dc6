"""The Anthropic provider: Claude, or any server that speaks the Messages API.

In: a :class:`ModelCall`. Out: lists of deltas, one list per read of the socket. The official SDK does authentication,
the request and its errors; the answer is read as raw bytes and decoded by ``anthropic_stream``, because the SDK's typed
events cost several times as much. Never retries: the engine's turn does. Reads no environment for itself and shields
the call from the SDK's habit of doing so (key, address, ``Authorization`` in custom headers, tracing).
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Mapping
from ipaddress import ip_address
from typing import Any, cast
from urllib.parse import urlsplit

import aiohttp
import anthropic
import httpx2
from anthropic import AsyncStream, Omit
from oricode_protocol import codec

from . import anthropic_request, failures
from .anthropic_stream import MessageStream
from .port import Delta, ModelCall, UpstreamFailure

BASE_URL = "https://api.anthropic.com"
READ_TIMEOUT = 120.0
"""Seconds of silence from upstream before a call counts as dead; Claude sends a ``ping`` long before."""
CONNECT_TIMEOUT = 5.0
MAX_STREAMS = 10_000
"""Open calls at once. The SDK's own limit is 1,000, and call 1,001 would wait without a word."""
_KEEP_ALIVE_SECONDS = 30.0
_END_OF_BODY_SECONDS = 0.25
"""How long to wait, after the answer is complete, for the end of its HTTP body, so that the connection is reused."""

# What a connection can die of. aiohttp's transport turns most of its errors into httpx2's, but not all.
_BROKEN = (httpx2.HTTPError, httpx2.StreamError, aiohttp.ClientError, aiohttp.http.HttpProcessingError, OSError)


class AnthropicProvider:
    """One connection pool to one server."""

    def __init__(
        self,
        *,
        api_key: str | None,
        base_url: str | None = None,
        read_timeout: float = READ_TIMEOUT,
        connect_timeout: float = CONNECT_TIMEOUT,
        max_streams: int = MAX_STREAMS,
        keep_alive: bool | None = None,
        extra_body: Mapping[str, Any] | None = None,
    ) -> None:
        """``api_key`` None: a server that asks for none. Raises ValueError for a key or address that cannot be used.

        ``keep_alive`` None: connections are kept for https only, where a new one costs a TLS handshake. Plain servers
        are near, and llama.cpp's closes each connection behind its answer without announcing it: the next call on it
        would fail.
        """
        self._secret = _usable_key(api_key)
        url = _usable_url(base_url)
        self._read_timeout = read_timeout
        self._max_streams = max_streams
        self._extra_body = dict(extra_body or {})
        self._open = 0
        timeout = httpx2.Timeout(read_timeout, connect=connect_timeout)
        self._keep_alive = url.startswith("https:") if keep_alive is None else keep_alive
        self._client = anthropic.AsyncAnthropic(
            api_key=self._secret or "none",  # never None, or the SDK looks for one in the environment
            base_url=url,
            timeout=timeout,
            max_retries=0,
            open_telemetry={"traces": False, "propagation": False},
            http_client=anthropic.DefaultAioHttpClient(
                timeout=timeout,
                limits=httpx2.Limits(
                    max_connections=max_streams, keepalive_expiry=_KEEP_ALIVE_SECONDS if self._keep_alive else 0
                ),
                trust_env=not _is_loopback(url),  # a company's proxy is for the world outside
            ),
        )
        # The request's own headers win over ANTHROPIC_CUSTOM_HEADERS. No compression: it would only hold deltas back.
        self._headers: dict[str, str | Omit] = {
            "Authorization": f"Bearer {self._secret or 'none'}",
            "X-Api-Key": Omit(),
            "Accept": "text/event-stream",
            "Accept-Encoding": "identity",
        }

    async def stream(self, call: ModelCall) -> AsyncGenerator[list[Delta], None]:
        """See :meth:`oricode_service.models.port.Provider.stream`."""
        if self._open >= self._max_streams:
            raise failures.failure(
                failures.UNAVAILABLE, f"All {self._max_streams} connections to the model provider are in use."
            )
        self._open += 1
        try:
            response = await self._post("/v1/messages", anthropic_request.body(call, self._extra_body), call.model)
            async with contextlib.aclosing(response), contextlib.aclosing(response.aiter_bytes()) as chunks:
                answer = MessageStream(self._secret)
                while not answer.stopped:
                    try:
                        chunk = await anext(chunks, None)
                    except httpx2.TimeoutException:
                        raise self._silence() from None
                    except _BROKEN:
                        raise failures.failure(failures.DROPPED) from None
                    if chunk is None:
                        raise failures.failure(failures.DROPPED)
                    if deltas := answer.feed(chunk):
                        yield deltas
                    if answer.failure is not None:
                        raise answer.failure
                if self._keep_alive:
                    with contextlib.suppress(TimeoutError, *_BROKEN):  # the answer is complete whatever happens now
                        async with asyncio.timeout(_END_OF_BODY_SECONDS):
                            async for _ in chunks:
                                pass
        finally:
            self._open -= 1

    async def count_tokens(self, call: ModelCall) -> int:
        """Tokens of the prompt, by the server's own count. Raises :class:`UpstreamFailure`."""
        response = await self._post("/v1/messages/count_tokens", anthropic_request.prompt(call), call.model)
        try:
            tokens = codec.loads(await response.aread())["input_tokens"]
        except (codec.MalformedJson, KeyError, TypeError, *_BROKEN):
            raise failures.failure(failures.FAULTY) from None
        return int(tokens)

    async def close(self) -> None:
        """See :meth:`oricode_service.models.port.Provider.close`."""
        await self._client.close()

    async def _post(self, path: str, body: bytes, model: str) -> httpx2.Response:
        """The answer's head. Raises :class:`UpstreamFailure` for everything that is not a 2xx."""
        try:
            response = await self._client.post(
                path,
                content=body,
                options={"headers": self._headers},
                cast_to=httpx2.Response,
                stream=True,
                stream_cls=AsyncStream[Any],
            )
        except anthropic.APIStatusError as error:
            raise failures.from_status(
                error.status_code,
                error.response.headers,
                error.body,
                model=model,
                now=time.time(),
                secret=self._secret,
            ) from None
        except anthropic.APITimeoutError as error:
            if isinstance(error.__cause__, (httpx2.ConnectTimeout, httpx2.PoolTimeout)):
                raise failures.failure(failures.UNAVAILABLE) from None
            raise self._silence() from None
        except (anthropic.APIConnectionError, *_BROKEN):
            raise failures.failure(failures.UNAVAILABLE) from None
        # With this cast_to the SDK hands out the raw response; its signature knows only the stream class.
        return cast(httpx2.Response, response)

    def _silence(self) -> UpstreamFailure:
        return failures.failure(failures.TIMEOUT, f"The model provider sent nothing for {self._read_timeout:g} s.")


def _usable_key(key: str | None) -> str:
    key = (key or "").strip()
    if not all("!" <= character <= "~" for character in key):
        raise ValueError("the Anthropic API key must be plain visible ASCII characters")
    return key


def _usable_url(url: str | None) -> str:
    url = (url or BASE_URL).strip()
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"the Anthropic address must begin with http:// or https:// and name a host, not {url!r}")
    return url


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
