"""One request and its streamed answer on one connection, HTTP/1.1: what a model's stream needs and nothing else.

In: bytes of the connection. Out: the answer's status and headers, then its body, piece by piece as it arrives. llhttp
parses (``httptools``); pieces are joined only when nobody waited for them. Bounded: the head, and what is buffered for
a reader that does not keep up. Knows no addresses, no TLS and no models: ``http_pool`` opens connections.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

import httptools

HEAD_BYTES = 64 * 1024
BUFFER_BYTES = 256 * 1024
"""Buffered above this, the server is made to wait."""


class Broken(Exception):
    """The connection ended, or what came is not HTTP."""


class Answer(asyncio.Protocol):
    """A connection, and the answer to the latest request on it."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._waiting: asyncio.Future[bool] | None = None
        self._take: Callable[[bytes], bool] | None = None
        """Of whoever waits in :meth:`give`."""
        self.closed = False
        """The connection is over."""
        self._reset()

    def _reset(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self.status = 0
        """0 until the head is complete."""
        self.headers: dict[str, str] = {}
        """Names in lower case."""
        self._head_bytes = 0
        self._pieces: list[bytes] = []
        self._buffered = 0
        self._paused = False
        self._complete = False
        self._kept = False
        self._failure: Exception | None = None

    def request(self, data: bytes) -> None:
        """Send a request, complete; only on a new connection or behind a :attr:`reusable` answer."""
        self._reset()
        assert self._transport is not None
        self._transport.write(data)

    @property
    def reusable(self) -> bool:
        """The answer is complete and the server keeps the connection."""
        return self._complete and self._kept and not self.closed and not self._pieces

    async def head(self) -> None:
        """Return when :attr:`status` and :attr:`headers` are known. Raises :class:`Broken`."""
        while not self.status:
            if self._failure is not None:
                raise self._failure
            await self._change()

    async def read(self) -> bytes:
        """What has arrived since the last call, at least one byte; empty behind the end. Raises :class:`Broken`."""
        while not self._pieces:
            if self._failure is not None:
                raise self._failure
            if self._complete:
                return b""
            await self._change()
        return self._buffer()

    async def give(self, take: Callable[[bytes], bool]) -> bool:
        """Give ``take`` what has arrived and what arrives, each piece at its moment: no task is woken for it.

        True = ``take``, which must not block, returned False; False = behind the end. Raises :class:`Broken`, and what
        ``take`` raises.
        """
        while True:
            if self._pieces:
                if not take(self._buffer()):
                    return True
                continue
            if self._failure is not None:
                raise self._failure
            if self._complete:
                return False
            self._take = take
            try:
                if await self._change():
                    return True
            finally:
                self._take = None

    def _buffer(self) -> bytes:
        pieces, self._pieces = self._pieces, []
        self._buffered = 0
        if self._paused and self._transport is not None:
            self._paused = False
            self._transport.resume_reading()
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def fail(self, why: Exception) -> None:
        """Let whoever reads get this instead of more."""
        if self._failure is None:
            self._failure = why
            self._wake()

    def close(self) -> None:
        """Drop the connection at once, whatever is still to come."""
        self.closed = True
        if self._transport is not None:
            self._transport.abort()

    async def _change(self) -> bool:
        """Wait for news; True = somebody's ``take`` has had enough."""
        self._waiting = self._loop.create_future()
        try:
            return await self._waiting
        finally:
            self._waiting = None

    def _wake(self, enough: bool = False) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(enough)

    # The loop's calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self.fail(Broken(str(error)))
            self.close()
        self.hand_on()

    def hand_on(self) -> None:
        """Give what has arrived to whoever waits in :meth:`give`."""
        if self._take is not None and self._pieces and self._waiting is not None and not self._waiting.done():
            try:
                if not self._take(self._buffer()):
                    self._wake(enough=True)
            except Exception as failure:  # noqa: BLE001 - it belongs to whoever waits, not to the connection
                self._waiting.set_exception(failure)

    def eof_received(self) -> None:
        """The transport closes itself behind this."""

    def connection_lost(self, error: Exception | None) -> None:
        self.closed = True
        if self._complete:
            return
        framed = "content-length" in self.headers or "transfer-encoding" in self.headers
        if error is None and self.status and not framed:  # a body that ends with its connection
            self._complete = True
            self._wake()
        else:
            self.fail(Broken("the connection was closed"))

    # The parser's calls.

    def on_header(self, name: bytes, value: bytes) -> None:
        self._head_bytes += len(name) + len(value)
        if self._head_bytes > HEAD_BYTES:
            raise Broken("the head is too large")
        self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status < 200:  # 100, 103: another head follows
            self.headers.clear()
            return
        self.status = status
        self._wake()

    def on_body(self, body: bytes) -> None:
        self._pieces.append(body)
        self._buffered += len(body)
        if self._buffered > BUFFER_BYTES and not self._paused and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()
        if self._take is None:
            self._wake()

    def on_message_complete(self) -> None:
        if self.status:
            self._complete = True
            self._kept = self._parser.should_keep_alive()
            self._wake()
