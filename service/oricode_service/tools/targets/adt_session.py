"""One logged-on session with an SAP system's ADT REST service.

In: settings with credentials, and requests. Out: an answer's text, :class:`AdtRefused` when the system said no, or
:class:`AdtUnreachable` when it said nothing. Keeps the cookies, fetches the CSRF token and fetches it again when the
system asks for that. Credentials go to the configured host only: redirects are not followed, nothing is logged.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import ssl
from dataclasses import dataclass, field
from http import HTTPStatus
from types import TracebackType
from typing import Self

import aiohttp
from yarl import URL

from . import adt_xml

_LARGEST_ANSWER = 20 * 1024 * 1024
_LOGOFF_LIMIT = 10.0
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class AdtSettings:
    """How to reach the system. The password is not part of the representation.

    Raises ValueError for an ``http`` address beyond this machine, unless ``allow_http`` (Basic authentication sends the
    password in clear), and for one that holds credentials itself.
    """

    url: str
    """Scheme, host and port: ``https://sap.example.com:44300``."""
    user: str
    password: str = field(repr=False)
    client: str = "001"
    language: str = "EN"
    package: str = "$TMP"
    """Where new objects are created."""
    transport: str | None = None
    """Transport request for changes; needed for packages that are not local."""
    ca_file: str | None = None
    """Certificate authorities to trust instead of the machine's own. Verification cannot be turned off."""
    timeout: float = 120.0
    """Seconds a request may take."""
    allow_http: bool = False

    def __post_init__(self) -> None:
        url = URL(self.url)
        if url.scheme not in ("http", "https") or not url.host:
            raise ValueError("the address of the SAP system must be an http or https URL")
        if url.user is not None or url.password is not None:
            raise ValueError("the address of the SAP system must not hold user or password")
        if url.scheme == "http" and url.host not in _LOOPBACK and not self.allow_http:
            raise ValueError("the address of the SAP system must be https: over http the password is readable")


class AdtRefused(Exception):
    """The system answered with an error; the text is the system's own."""

    def __init__(self, status: int, kind: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind
        """SAP's exception type, e.g. ``ExceptionResourceAlreadyExists``; empty when it sent none."""


class AdtUnreachable(Exception):
    """No answer came; whether the request had an effect cannot be told from this."""


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    text: str
    csrf: str


class AdtSession:
    """``async with AdtSession(settings) as adt``: one SAP session, and so the owner of its locks."""

    def __init__(self, settings: AdtSettings) -> None:
        self._settings = settings
        self._csrf = ""
        self.stateful = False
        """True while the session holds a lock: the system then keeps one context for all its requests."""

    async def __aenter__(self) -> Self:
        settings = self._settings
        credentials = base64.b64encode(f"{settings.user}:{settings.password}".encode())
        tls = ssl.create_default_context(cafile=settings.ca_file)
        self._http = aiohttp.ClientSession(
            headers={"Authorization": f"Basic {credentials.decode()}"},
            connector=aiohttp.TCPConnector(ssl=tls),
            cookie_jar=aiohttp.CookieJar(unsafe=True),  # a system may be addressed by its IP
            timeout=aiohttp.ClientTimeout(total=settings.timeout, connect=min(15.0, settings.timeout)),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if self.stateful:  # a lock could not be given back: ending the session frees it
                with contextlib.suppress(AdtUnreachable, TimeoutError):
                    async with asyncio.timeout(_LOGOFF_LIMIT):
                        await self._send("GET", "/sap/public/bc/icf/logoff", {}, None, {})
        finally:
            await self._http.close()

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: dict[str, str] | None = None,
        body: str | None = None,
        content_type: str = "application/xml",
        accept: str = "*/*",
    ) -> str:
        """The answer's text. Raises :class:`AdtRefused` and :class:`AdtUnreachable`."""
        writes = method != "GET"
        if writes and not self._csrf:
            await self._fetch_csrf()
        headers = {"Accept": accept, "Content-Type": content_type}
        answer = await self._send(method, path, params or {}, body, headers)
        if writes and answer.status == HTTPStatus.FORBIDDEN and answer.csrf.lower() == "required":
            await self._fetch_csrf()
            answer = await self._send(method, path, params or {}, body, headers)
        return _accepted(answer)

    async def _fetch_csrf(self) -> None:
        self._csrf = "fetch"
        answer = await self._send("GET", "/sap/bc/adt/compatibility/graph", {}, None, {})
        self._csrf = ""
        _accepted(answer)
        if not answer.csrf:
            raise AdtRefused(answer.status, "", "the system gave no CSRF token; is ADT active on it?")
        self._csrf = answer.csrf

    async def _send(
        self, method: str, path: str, params: dict[str, str], body: str | None, headers: dict[str, str]
    ) -> _Answer:
        settings = self._settings
        query = {"sap-client": settings.client, "sap-language": settings.language, **params}
        headers = {
            "X-sap-adt-sessiontype": "stateful" if self.stateful else "stateless",
            "Cache-Control": "no-cache",
            **({"x-csrf-token": self._csrf} if self._csrf else {}),
            **headers,
        }
        # The path holds %2f for a namespace's slash, which must not be decoded on the way.
        url = URL(settings.url.rstrip("/") + path, encoded=True).extend_query(query)
        data = body.encode() if body is not None else None
        try:
            async with self._http.request(method, url, data=data, headers=headers, allow_redirects=False) as response:
                content = bytearray()
                async for chunk in response.content.iter_any():
                    content += chunk
                    if len(content) > _LARGEST_ANSWER:
                        raise AdtUnreachable("the SAP system's answer does not end")
                text = content.decode(response.charset or "utf-8", "replace")
                return _Answer(response.status, text, response.headers.get("x-csrf-token", ""))
        except TimeoutError as late:
            raise AdtUnreachable(f"the SAP system did not answer within {settings.timeout:g} seconds") from late
        except aiohttp.ClientError as error:
            raise AdtUnreachable(f"the connection to the SAP system failed ({type(error).__name__})") from error


def _accepted(answer: _Answer) -> str:
    status = answer.status
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return answer.text
    if status == HTTPStatus.UNAUTHORIZED:
        raise AdtRefused(status, "", "the SAP system does not accept the configured user and password")
    kind, message = adt_xml.exception(answer.text)
    raise AdtRefused(status, kind, message or f"the SAP system answered with HTTP status {status}")
