"""The Anthropic provider: Claude, or any server that speaks the Messages API.

In: a :class:`ModelCall`. Out: lists of deltas, one list per read of the socket. The answer is read as raw bytes and
decoded by ``anthropic_stream``; requests and connections are ``anthropic_http``'s. Never retries: the engine's turn
does. Reads no environment for itself.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Mapping
from math import inf
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from oricode_protocol import codec

from . import anthropic_request, failures
from .anthropic_heads import Heads
from .anthropic_http import AnthropicHttp
from .anthropic_stream import MessageStream
from .anthropic_wish import Wish
from .http_answer import Answer, Broken
from .port import Delta, ModelCall, UpstreamFailure
from .silence import Silence, Waiting

BASE_URL = "https://api.anthropic.com"
READ_TIMEOUT = 120.0
"""Seconds of silence from upstream before a call counts as dead; Claude sends a ``ping`` long before."""
CONNECT_TIMEOUT = 5.0
MAX_STREAMS = 10_000
"""Open calls at once. The SDK's own limit is 1,000, and call 1,001 would wait without a word."""
NO_STREAMS = ("application/json", "text/html")
"""What a body without a single event is called when it never was a stream, whatever its status says."""
_COUNT_BYTES = 64 * 1024
_END_OF_BODY_SECONDS = 0.25
"""How long to wait, after the answer is complete, for the end of its HTTP body, so that the connection is reused."""


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
        heads: Heads | None = None,
        heads_in: Path | None = None,
    ) -> None:
        """``api_key`` None: a server that asks for none. Raises ValueError for a key or address that cannot be used.

        ``heads_in``: the file that keeps what the SDK said for the next start. ``heads``: somebody else's, who asked
        the SDK before the address was known.

        ``keep_alive`` None: connections are kept for https only, where a new one costs a TLS handshake. Plain servers
        are near, and llama.cpp's closes each connection behind its answer without announcing it: the next call on it
        would fail.
        """
        self._secret = _usable_key(api_key)
        url = _usable_url(base_url)
        self._max_streams = max_streams
        self._extra_body = dict(extra_body or {})
        self._open = 0
        self._keep_alive = url.startswith("https:") if keep_alive is None else keep_alive
        self._read_timeout = read_timeout
        self._silence = Silence(read_timeout)
        self._http = AnthropicHttp(
            key=self._secret,
            url=url,
            read_timeout=read_timeout,
            connect_timeout=connect_timeout,
            keep_alive=self._keep_alive,
            heads=heads or Heads(Wish(url, read_timeout, connect_timeout, self._keep_alive), heads_in),
        )

    async def ready(self) -> None:
        """Return when calls need not wait for the SDK. Raises :class:`SdkUnusable`."""
        await self._http.ready()

    async def stream(self, call: ModelCall) -> AsyncGenerator[list[Delta], None]:
        """See :meth:`oricode_service.models.port.Provider.stream`."""
        if self._open >= self._max_streams:
            raise failures.failure(
                failures.UNAVAILABLE, f"All {self._max_streams} connections to the model provider are in use."
            )
        self._open += 1
        try:
            answer = await self._http.post("/v1/messages", anthropic_request.body(call, self._extra_body), call.model)
            try:
                waiting = self._silence.begin(lambda: answer.fail(TimeoutError()))
                try:
                    async for deltas in deltas_of(answer, MessageStream(self._secret), waiting, call.eager):
                        yield deltas
                except TimeoutError:
                    raise self._http.silence() from None
                except Broken:
                    raise failures.failure(failures.DROPPED) from None
                finally:
                    self._silence.end(waiting)
                if self._keep_alive:
                    with contextlib.suppress(TimeoutError, Broken):  # the answer is complete whatever happens now
                        async with asyncio.timeout(_END_OF_BODY_SECONDS):
                            while await answer.read():
                                pass
            finally:
                self._http.give_back(answer)
        finally:
            self._open -= 1

    async def count_tokens(self, call: ModelCall) -> int:
        """Tokens of the prompt, by the server's own count. Raises :class:`UpstreamFailure`."""
        answer = await self._http.post("/v1/messages/count_tokens", anthropic_request.prompt(call), call.model)
        body = b""
        try:
            async with asyncio.timeout(self._read_timeout):
                while len(body) < _COUNT_BYTES and (piece := await answer.read()):
                    body += piece
            return int(codec.loads(body)["input_tokens"])
        except (codec.MalformedJson, KeyError, TypeError, ValueError, TimeoutError, Broken):
            raise failures.failure(failures.FAULTY) from None
        finally:
            self._http.give_back(answer)

    async def close(self) -> None:
        """See :meth:`oricode_service.models.port.Provider.close`."""
        self._silence.close()
        await self._http.close()


async def deltas_of(
    answer: Answer, message: MessageStream, waiting: Waiting, eager: Callable[[list[Delta]], bool] | None
) -> AsyncGenerator[list[Delta], None]:
    """What an answer says until ``message_stop``; what ``eager`` took is not yielded (see :class:`ModelCall`).

    Raises UpstreamFailure, and what :meth:`Answer.give` raises.
    """
    now = asyncio.get_running_loop().time
    held: list[Delta] = []
    heard = refused = False

    def take(chunk: bytes) -> bool:
        nonlocal heard, refused
        waiting.since = now()
        deltas = message.feed(chunk)
        heard = heard or bool(deltas)
        if eager is None:
            held.extend(deltas)
        elif deltas:
            refused = not eager(deltas)
        return not (held or refused or message.stopped or message.failure)

    while not message.stopped:
        waiting.since = now()
        more = await answer.give(take)
        waiting.since = inf  # what a pause of ours lasts is not the server's silence
        if held or refused:
            deltas, held, refused = held, [], False
            yield deltas
        if message.failure is not None:
            raise message.failure
        if not more:
            raise _ended(answer.headers.get("content-type", ""), heard)


def _ended(content_type: str, heard: bool) -> UpstreamFailure:
    """Why a body that ended too early did. One that never was a stream would be the same, and paid for, again."""
    kind = content_type.partition(";")[0].strip().lower()
    if heard or kind not in NO_STREAMS:
        return failures.failure(failures.DROPPED)
    sentence = f"The model provider sent {kind} where a stream of events belongs; its address may be wrong."
    return UpstreamFailure(failures.FAULTY.code, sentence, retryable=False)


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
