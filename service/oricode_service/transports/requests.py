"""Parsing and authorising, once for all transports.

In: an ASGI scope and body. Out: a :class:`Caller`, a parsed command, a cursor; or an error of the table. Every way into
the service goes through here, so that a new route or transport cannot forget a check.
"""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import parse_qs

from oricode_protocol import codec
from oricode_protocol.commands import Chat, parse
from oricode_protocol.errors import error
from oricode_protocol.ids import Cursor, MalformedCursor

from ..access.credentials import Ticket, from_headers, from_subprotocols
from ..access.keys import Caller, Keys
from ..access.limits import RateLimit
from ..access.tickets import Tickets
from ..engine.observer import mark
from .asgi import Receive, Scope, header
from .problems import Refused

MAX_BATCH_MS = 5000


class Gate:
    """Who may come in, and how often."""

    def __init__(self, keys: Keys, tickets: Tickets, rate: RateLimit, max_body: int) -> None:
        self._keys = keys
        self._tickets = tickets
        self._rate = rate
        self._max_body = max_body

    async def caller(self, scope: Scope) -> Caller:
        """Who sends this request; raises ``unauthorized``."""
        caller = await self._caller(scope)
        mark(user=caller.user)
        return caller

    async def _caller(self, scope: Scope) -> Caller:
        key = from_headers(header(scope, b"x-api-key"), header(scope, b"authorization"))
        if key is not None:
            return await self._keys.caller(key.text)
        credential = from_subprotocols(scope.get("subprotocols", ()))
        if credential is None:
            raise error("unauthorized")
        if isinstance(credential, Ticket):
            return await self._tickets.take(credential.text)
        return await self._keys.caller(credential.text)

    async def recognise(self, key: str) -> Caller:
        """Who presents ``key`` in place (WebSocket ``auth``)."""
        return await self._keys.caller(key)

    async def charge(self, caller: Caller) -> dict[str, str]:
        """Count a new run of this key; the RateLimit headers. Raises Refused with ``rate_limited``."""
        verdict = await self._rate.hit(caller.key_id)
        if verdict is None:
            return {}
        if not verdict.allowed:
            raise Refused(error("rate_limited", retry_after=verdict.retry_after), verdict.headers())
        return verdict.headers()

    async def body(self, scope: Scope, receive: Receive) -> object:
        """The JSON body; raises unsupported_media_type, body_too_large, malformed_json."""
        content_type = (header(scope, b"content-type") or "").partition(";")[0].strip().lower()
        if content_type != "application/json" and not content_type.endswith("+json"):
            raise error("unsupported_media_type")
        try:
            return codec.loads(await self.read(scope, receive))
        except codec.MalformedJson:
            raise error("malformed_json") from None

    async def read(self, scope: Scope, receive: Receive) -> bytes:
        """The body, whatever it is; raises body_too_large."""
        length = header(scope, b"content-length")
        if length is not None and length.isdigit() and int(length) > self._max_body:
            raise self.too_large()
        chunks: list[bytes] = []
        size = 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise error("request_timeout")
            chunk = message.get("body", b"")
            size += len(chunk)
            if size > self._max_body:
                raise self.too_large()
            chunks.append(chunk)
            if not message.get("more_body"):
                return b"".join(chunks)

    def too_large(self) -> Exception:
        """The answer to a body or frame over the limit."""
        return error("body_too_large", f"The request is larger than the {self._max_body} bytes this service accepts.")


def chat_request(scope: Scope, body: object) -> Chat:
    """The chat request of a POST, with its Idempotency-Key header."""
    chat = parse(Chat, body)
    key = header(scope, b"idempotency-key")
    return replace(chat, idempotency_key=key) if key is not None else chat


def cursor_of(text: str) -> Cursor:
    """A cursor from hostile text; raises ``malformed_cursor``."""
    try:
        return Cursor.parse(text)
    except MalformedCursor as why:
        raise error("malformed_cursor", f"The event id is malformed: {why}.") from None


def resume_cursor(scope: Scope) -> Cursor | None:
    """What ``Last-Event-ID`` or ``?after=`` says; the header wins, an empty one counts as absent."""
    text = header(scope, b"last-event-id") or query(scope, "after")
    return cursor_of(text) if text else None


def query(scope: Scope, name: str) -> str | None:
    """The first query parameter called ``name``."""
    values = parse_qs(scope["query_string"].decode("latin-1")).get(name)
    return values[0] if values else None


def batch_ms(scope: Scope) -> int:
    """``?batch_ms=``, 0 when absent; raises ``invalid_request``."""
    return checked_batch_ms(_integer(query(scope, "batch_ms")))


def checked_batch_ms(value: int | None) -> int:
    """The wish to coalesce, in range."""
    if value is not None and not 0 <= value <= MAX_BATCH_MS:
        raise error("invalid_request", f"`batch_ms` must be between 0 and {MAX_BATCH_MS}.")
    return value or 0


def _integer(text: str | None) -> int | None:
    if text is None:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise error("invalid_request", "`batch_ms` must be an integer.")
    return int(text)
