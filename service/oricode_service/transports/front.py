"""What stands before every route: Host and Origin checks, CORS, and headers every answer carries.

Pure ASGI, because it must also guard WebSocket handshakes and must not buffer streams.
"""

from __future__ import annotations

from oricode_protocol.errors import error

from ..access.origins import OriginPolicy, cors_headers, preflight_headers
from .asgi import App, Message, Receive, Scope, Send, header
from .problems import problem

_ALWAYS = [(b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"no-referrer")]


class Front:
    """Wraps the application."""

    def __init__(self, app: App, policy: OriginPolicy) -> None:
        self._app = app
        self._policy = policy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        origin, host = header(scope, b"origin"), header(scope, b"host")
        if not self._policy.answers_to(host):
            await self._refuse(scope, receive, send, "This service does not answer to that host name.")
        elif not self._policy.allows(origin, host):
            await self._refuse(scope, receive, send, "Pages of this origin may not use this service.")
        elif scope["type"] == "websocket":
            await self._app(scope, receive, send)
        elif origin is not None and scope["method"] == "OPTIONS":
            await send({"type": "http.response.start", "status": 204, "headers": _bytes(preflight_headers(origin))})
            await send({"type": "http.response.body", "body": b""})
        else:
            extra = _ALWAYS + _bytes(cors_headers(origin))

            async def send_with_headers(message: Message) -> None:
                if message["type"] == "http.response.start":
                    message["headers"] = [*message["headers"], *extra]
                await send(message)

            await self._app(scope, receive, send_with_headers)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send, sentence: str) -> None:
        answer = problem(error("forbidden", sentence))
        if scope["type"] == "websocket":
            await receive()
            start = {"type": "websocket.http.response.start", "status": 403, "headers": answer.raw_headers}
            await send(start)
            await send({"type": "websocket.http.response.body", "body": answer.body})
        else:
            await answer(scope, receive, send)


def _bytes(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
