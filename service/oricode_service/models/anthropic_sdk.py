"""What the official Anthropic SDK puts before a request: asked of the SDK itself, which posts into a recorder.

In: a :class:`Wish` (to whom, how patiently, with which headers of our own). Out: a :class:`Head` for each path, its key
the placeholder :data:`KEY`. The only module that imports the SDK, which takes more than a second of CPU and 45 MB; so
``anthropic_heads`` runs it as a program (``python -m oricode_service.models.anthropic_sdk``: the wish as JSON on
standard input, the heads as JSON on standard output). Shields requests from what the SDK reads of the environment by
itself: key, address, ``Authorization`` in custom headers, tracing.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import anthropic
import httpx2
from anthropic import AsyncStream, Omit
from oricode_protocol import codec

from .anthropic_wish import KEY, Head, Wish


async def heads(wish: Wish) -> dict[str, Head]:
    """What the SDK would put before bodies that it posts to the wish's paths, but for their length."""
    recorder = _Recorder()
    client = anthropic.AsyncAnthropic(
        api_key=KEY,
        base_url=wish.url,
        timeout=httpx2.Timeout(wish.read_timeout, connect=wish.connect_timeout),
        max_retries=0,
        open_telemetry={"traces": False, "propagation": False},
        http_client=httpx2.AsyncClient(transport=recorder, trust_env=False),
    )
    # The request's own headers win over ANTHROPIC_CUSTOM_HEADERS. No compression: it would only hold deltas back.
    own: dict[str, str | Omit] = {
        "Authorization": f"Bearer {KEY}",
        "X-Api-Key": Omit(),
        "Accept": "text/event-stream",
        "Accept-Encoding": "identity",
        "Connection": "keep-alive" if wish.keep_alive else "close",
    }
    found: dict[str, Head] = {}
    async with client:
        for path in wish.paths:
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
            headers = [(name, value) for name, value in request.headers.items() if name.lower() not in _OF_CONNECTIONS]
            found[path] = Head(request.url.raw_path.decode("ascii"), headers)
    return found


_OF_CONNECTIONS = ("host", "content-length")
"""Headers that ``anthropic_http`` knows better: they depend on where and on what is sent."""


class _Recorder(httpx2.AsyncBaseTransport):
    """Keeps the request instead of sending it."""

    def __init__(self) -> None:
        self.request: httpx2.Request | None = None

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.request = request
        return httpx2.Response(200)


def main() -> None:
    """The program."""
    found = asyncio.run(heads(Wish.of(codec.loads(sys.stdin.buffer.read()))))
    sys.stdout.buffer.write(codec.dumps({path: list(head) for path, head in found.items()}))


if __name__ == "__main__":
    main()
