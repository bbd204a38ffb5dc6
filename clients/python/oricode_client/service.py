"""HTTP with one service: the address, the key, and answers turned into values or errors.

In: method, path and JSON. Out: decoded JSON, an open response, or an exception of :mod:`errors`. Streams are opened
without a read time-out: silence is judged by the caller, who knows the heartbeat. Redirects are not followed: the key
would travel with them.
"""

from __future__ import annotations

import asyncio
import email.utils
import ssl
import time
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

import httpx
from oricode_protocol import codec

from . import errors
from .pace import Backoff, Pace
from .wire import JsonObject, parse_object

USER_AGENT = "oricode-client-python"
_MAX_PROBLEM = 64 * 1024


class Service:
    """One service as seen with one key. Close it with :meth:`close` or use it as a context manager."""

    def __init__(self, url: str, key: str, verify: ssl.SSLContext | bool = True) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"the address must look like https://host[:port], not {url!r}")
        self.url = url.rstrip("/")
        self.verify = verify
        self.headers = {"X-API-Key": key, "User-Agent": USER_AGENT}
        self._http = httpx.AsyncClient(
            headers={**self.headers, "Accept-Encoding": "identity"},  # a compressing proxy would hold events back
            verify=verify,
            timeout=httpx.Timeout(30.0, connect=10.0),
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=8),
        )

    async def close(self) -> None:
        """Close the pool; open streams end."""
        await self._http.aclose()

    async def __aenter__(self) -> Service:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def call(self, method: str, path: str, body: JsonObject | None = None) -> JsonObject:
        """One request, one JSON object (empty for 204). Raises on refusal and when the service is out of reach."""
        request = self._request(method, path, body, {})
        try:
            response = await self._http.send(request)
        except httpx.TransportError as cause:
            raise lost(cause) from cause
        if response.status_code == 204:
            return {}
        if response.status_code >= 300:
            raise self.refusal(response, response.content)
        return parse_object(response.content, f"The answer to {method} {path}")

    async def insist(
        self, method: str, path: str, body: JsonObject | None = None, pace: Pace | None = None
    ) -> JsonObject:
        """:meth:`call`, repeated while trying again may help; for requests that may arrive twice.

        When an answer was lost, the repetition comes second: its 409 ``already_answered`` is our own echo.
        """
        backoff = Backoff(pace or Pace())
        while True:
            try:
                return await self.call(method, path, body)
            except errors.OricodeClientError as error:
                if backoff.attempt and error.code == "already_answered":
                    return {}
                now = asyncio.get_running_loop().time()
                delay = backoff.failed(now, error.retry_after or 0.0) if error.retryable else None
                if delay is None:
                    raise
            await asyncio.sleep(delay)

    async def stream(
        self, method: str, path: str, body: JsonObject | None, headers: dict[str, str], silence: float
    ) -> httpx.Response:
        """An open response with status 200 or 204, to be closed by the caller; no byte of it is read yet.

        Raises on refusal, and :class:`~errors.ConnectionLost` when no header came for ``silence`` seconds.
        """
        request = self._request(method, path, body, headers, httpx.Timeout(None, connect=10.0))
        try:
            async with asyncio.timeout(silence):
                response = await self._http.send(request, stream=True)
                if response.status_code in (200, 204):
                    return response
                try:
                    content = await _head(response)
                finally:
                    await response.aclose()
        except TimeoutError:
            raise errors.ConnectionLost(f"No answer for {silence:.0f} s.") from None
        except httpx.TransportError as cause:
            raise lost(cause) from cause
        raise self.refusal(response, content)

    def _request(
        self,
        method: str,
        path: str,
        body: JsonObject | None,
        headers: dict[str, str],
        timeout: httpx.Timeout | None = None,
    ) -> httpx.Request:
        content = None if body is None else codec.dumps(body)
        if content is not None:
            headers = {**headers, "Content-Type": "application/json"}
        return self._http.build_request(
            method, self.url + path, content=content, headers=headers, timeout=timeout or self._http.timeout
        )

    def refusal(self, response: httpx.Response, content: bytes) -> errors.OricodeClientError:
        """The error that ``response`` stands for, whether the service or a proxy in between wrote it."""
        if 300 <= response.status_code < 400:
            where = response.headers.get("location", "elsewhere")
            return errors.ProtocolViolation(f"{self.url} redirects to {where}; use that address instead.")
        problem: Any = None
        if "json" in response.headers.get("content-type", ""):
            try:
                problem = codec.loads(content)
            except codec.MalformedJson:
                problem = None  # cut short or not what it claims: the status has to do
        retry_after = _seconds(response.headers.get("retry-after"))
        return errors.from_problem(problem if isinstance(problem, dict) else {}, response.status_code, retry_after)


def lost(cause: Exception) -> errors.ConnectionLost:
    """A transport's exception as ours."""
    return errors.ConnectionLost(f"The connection failed: {str(cause) or type(cause).__name__}.")


async def _head(response: httpx.Response) -> bytes:
    """The first bytes of a refusal's body; a proxy's page may be of any length."""
    content = b""
    async for chunk in response.aiter_bytes():
        content += chunk
        if len(content) > _MAX_PROBLEM:
            break
    return content


def _seconds(value: str | None) -> float | None:
    """A ``Retry-After`` header as seconds from now: a number, or an HTTP date."""
    if value is None:
        return None
    if value.strip().isdigit():
        return float(value)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    except ValueError:
        return None
