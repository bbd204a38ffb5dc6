"""An MCP server whose one tool reads files that somebody else wrote. ``python -m bench.injection.files FOLDER``."""

from __future__ import annotations

import sys
from pathlib import Path

from mcp.server.mcpserver import MCPServer
from mcp.types import ToolAnnotations

server = MCPServer("files")


@server.tool(annotations=ToolAnnotations(read_only_hint=True))
def read(name: str) -> str:
    """What is in a file."""
    return (Path(sys.argv[1]) / Path(name).name).read_text()


if __name__ == "__main__":
    server.run()
