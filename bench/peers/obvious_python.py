"""The obvious Python implementation: Starlette, sse-starlette and the official SDK's messages.stream.

``python -m bench.peers.obvious_python PORT UPSTREAM HEARTBEAT_SECONDS``
"""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator

import uvicorn
from anthropic import AsyncAnthropic
from sse_starlette import EventSourceResponse
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Route


def _application(upstream: str, heartbeat: float) -> Starlette:
    client = AsyncAnthropic(base_url=upstream, api_key="bench", max_retries=0)

    async def chat(request: Request) -> EventSourceResponse:
        prompt = (await request.json())["prompt"]

        async def events() -> AsyncIterator[dict[str, str]]:
            yield {"event": "connected", "data": '{"message":"connected"}'}
            messages = [{"role": "user", "content": prompt}]
            async with client.messages.stream(model="claude-bench", max_tokens=8192, messages=messages) as stream:
                async for text in stream.text_stream:
                    yield {"event": "content", "data": json.dumps({"text": text, "index": 0})}
            yield {"event": "done", "data": '{"message":"Complete"}'}

        return EventSourceResponse(events(), ping=int(heartbeat))

    return Starlette(routes=[Route("/api/chat", chat, methods=["POST"])])


if __name__ == "__main__":
    uvicorn.run(_application(sys.argv[2], float(sys.argv[3])), port=int(sys.argv[1]), log_level="error")
