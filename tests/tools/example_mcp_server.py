"""An MCP server made with the official SDK. ``python example_mcp_server.py`` speaks stdio; with a port, HTTP.

With port 0 it takes a free one; either way it prints ``port N`` first. ``MARKS`` names a folder in which tools leave a
file when they begin and when they are cancelled.
"""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

import anyio
import uvicorn
from mcp.server.mcpserver import Context, MCPServer
from mcp.types import ToolAnnotations

server = MCPServer("example", version="1.2")


def mark(name: str) -> None:
    if folder := os.environ.get("MARKS"):
        (Path(folder) / name).touch()


@server.tool(annotations=ToolAnnotations(idempotent_hint=True))
async def deploy(name: str, ctx: Context, steps: int = 8, pause: float = 0) -> str:
    """Deploy an object in eight steps."""
    for number in range(1, steps + 1):
        await anyio.sleep(pause)
        await ctx.report_progress(number, steps, f"step {number}/{steps}")
    return f"deployed {name}"


@server.tool(annotations=ToolAnnotations(read_only_hint=True))
def environment(name: str) -> str:
    """A variable of the server's environment."""
    return os.environ.get(name, "(not set)")


@server.tool()
async def hang(ctx: Context) -> str:
    """Never ends by itself."""
    mark("hanging")
    await ctx.report_progress(0, None, "hanging")
    try:
        await anyio.sleep_forever()
    finally:
        mark("cancelled")
    return "never"


@server.tool()
def fail() -> str:
    """Fails."""
    raise ValueError("no luck")


@server.tool()
def seen_key(ctx: Context) -> str:
    """The idempotency key the call came with."""
    meta = ctx.request_context.meta or {}
    return str(dict(meta).get("oricode/tool-call-id"))


@server.tool()
async def grow(ctx: Context) -> str:
    """Adds a tool and announces it."""

    def grown() -> str:
        return "grown"

    server.add_tool(grown, name="grown", description="Was not there before.")
    await ctx.notify_tools_changed()
    return "one more"


def main() -> None:
    if len(sys.argv) == 1:
        server.run()
        return
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", int(sys.argv[1])))
    listener.listen()
    print("port", listener.getsockname()[1], flush=True)
    uvicorn.Server(uvicorn.Config(server.streamable_http_app(), log_level="error")).run(sockets=[listener])


if __name__ == "__main__":
    main()
