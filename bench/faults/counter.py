"""An MCP server over HTTP whose one tool has a side effect, and which counts it in a file of its own: the judge.

``python -m bench.faults.counter FILE``; prints its address as the first line. Each call appends ``<ticket>`` at once,
then takes its time with progress, as a deployment would. The tool declares nothing, so it counts as an effect.
"""

from __future__ import annotations

import os
import socket
import sys

import anyio
import uvicorn
from mcp.server.mcpserver import Context, MCPServer

server = MCPServer("counter")
_file = -1


@server.tool()
async def deploy(ticket: str, ctx: Context, seconds: float = 0) -> str:
    """Deploy something, once per ticket."""
    os.write(_file, f"{ticket}\n".encode())
    for number in range(1, 5):
        await anyio.sleep(seconds / 4)
        await ctx.report_progress(number, 4, f"step {number}/4")
    return f"deployed {ticket}"


def main() -> None:
    global _file
    _file = os.open(sys.argv[1], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", 0))
    listener.listen(256)
    print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    uvicorn.Server(uvicorn.Config(server.streamable_http_app(), log_level="error")).run(sockets=[listener])


if __name__ == "__main__":
    main()
