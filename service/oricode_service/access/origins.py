"""Which browser pages may talk to the service, and under which names it answers.

In: the raw ``Origin`` and ``Host`` headers of a request. Out: yes or no, and the CORS headers of the answer, as plain
values for any web framework. Origins are parsed, never compared by prefix or substring:
``http://vscode-webview.evil.com`` is not a webview. A foreign ``Origin`` is refused even with a valid key. Cookies play
no part, so no answer ever allows credentials.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address

_PARTS = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<host>\[[0-9a-f:.]+\]|(?:\*\.)?[a-z0-9_.-]+)(?::(?P<port>[0-9]{1,5}))?",
    re.IGNORECASE | re.ASCII,
)
_HOST = re.compile(r"(?P<host>\[[0-9a-f:.]+\]|[a-z0-9_.-]+)(?::(?P<port>[0-9]{1,5}))?", re.IGNORECASE | re.ASCII)
_DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}
WEBVIEW_SCHEME = "vscode-webview"

METHODS = "GET, POST, PATCH, DELETE, OPTIONS"
REQUEST_HEADERS = (
    "authorization, content-type, idempotency-key, last-event-id, traceparent, tracestate, x-api-key, x-request-id"
)
EXPOSED_HEADERS = "Deprecation, Link, Location, RateLimit, RateLimit-Policy, Retry-After, Sunset, X-Request-ID"
PREFLIGHT_SECONDS = 600
"""How long a browser may remember the answer to a preflight."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme, host and port of a page, in lower case; the port is filled in when the scheme has a default one."""

    scheme: str
    host: str
    port: int | None

    @classmethod
    def parse(cls, text: str) -> Origin | None:
        """The origin that ``text`` spells exactly; None for anything else, ``null`` included."""
        found = _PARTS.fullmatch(text)
        if found is None:
            return None
        scheme = found["scheme"].lower()
        return cls(scheme, found["host"].lower(), _port(found["port"], scheme))

    def covers(self, other: Origin) -> bool:
        """Whether ``other`` is this origin, or below it when the host is written ``*.example.com``."""
        if (self.scheme, self.port) != (other.scheme, other.port):
            return False
        if self.host.startswith("*."):
            return other.host.endswith(self.host[1:]) and not other.host.startswith("*")
        return self.host == other.host


@dataclass(frozen=True, slots=True)
class OriginPolicy:
    """Decides for one service."""

    allowed: tuple[Origin, ...]
    """Configured pages, beside the service's own."""
    hosts: frozenset[str] | None
    """Names besides loopback ones that a service bound to loopback answers to; None = any name."""
    on_loopback: bool
    """Whether the service listens on loopback only: pages of this machine may talk to it, and ``Host`` is checked."""

    @classmethod
    def of(cls, bound_host: str, origins: Iterable[str] = (), hosts: Iterable[str] = ()) -> OriginPolicy:
        """The policy for a service that listens on ``bound_host``.

        ``hosts`` may hold ``*`` for any. Raises ValueError for an entry of ``origins`` that is not an origin.
        """
        names = frozenset(host.lower() for host in hosts)
        allowed = tuple(configured(text) for text in origins)
        own = names | {origin.host for origin in allowed if not origin.host.startswith("*")}
        return cls(allowed, None if "*" in names else own, is_loopback(bound_host))

    def allows(self, origin: str | None, host: str | None) -> bool:
        """Whether a request that carries this ``Origin`` may go on; native clients send none."""
        if origin is None:
            return True
        page = Origin.parse(origin)
        if page is None or page.host.startswith("*"):
            return False
        if page.scheme == WEBVIEW_SCHEME or any(entry.covers(page) for entry in self.allowed):
            return True
        if page.scheme not in ("http", "https"):
            return False
        # The scheme the browser sees may have ended at a proxy, so only name and port are compared.
        return _split_host(host, page.scheme) == (page.host, page.port) or (self.on_loopback and is_loopback(page.host))

    def answers_to(self, host: str | None) -> bool:
        """Whether ``Host`` is a name of this service.

        On loopback a foreign name means that a page had its own name point here (DNS rebinding). Elsewhere the proxy
        or the key decides, and any name will do.
        """
        if not self.on_loopback or self.hosts is None:
            return True
        split = _split_host(host, "http")
        return split is not None and (is_loopback(split[0]) or split[0] in self.hosts)


def configured(text: str) -> Origin:
    """An origin of the settings; ``https://*.example.com`` stands for every host below. Raises ValueError."""
    origin = Origin.parse(text)
    if origin is None:
        raise ValueError(f"{text!r} is not an origin; write scheme://host or scheme://host:port, nothing behind it")
    return origin


def is_loopback(host: str) -> bool:
    """Whether ``host`` (a name or an address, IPv6 with or without brackets) is this machine only."""
    name = host.lower().removeprefix("[").removesuffix("]")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False


def cors_headers(origin: str | None) -> dict[str, str]:
    """For every answer, errors too, to a request whose origin was allowed; that very origin is named, never ``*``."""
    if origin is None:
        return {"Vary": "Origin"}
    return {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Expose-Headers": EXPOSED_HEADERS,
        "Vary": "Origin",
    }


def preflight_headers(origin: str) -> dict[str, str]:
    """For the answer (204) to an ``OPTIONS`` request of an allowed origin."""
    return {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Allow-Methods": METHODS,
        "Access-Control-Allow-Headers": REQUEST_HEADERS,
        "Access-Control-Max-Age": str(PREFLIGHT_SECONDS),
        "Vary": "Origin",
    }


def _split_host(host: str | None, scheme: str) -> tuple[str, int | None] | None:
    found = _HOST.fullmatch(host or "")
    return None if found is None else (found["host"].lower(), _port(found["port"], scheme))


def _port(digits: str | None, scheme: str) -> int | None:
    return int(digits) if digits else _DEFAULT_PORTS.get(scheme)
