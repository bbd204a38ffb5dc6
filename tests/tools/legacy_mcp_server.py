"""A stdio MCP server of the handshake era, written without any SDK: what older servers in the field look like.

After a call it lists more tools, one with a schema that is none, and says so with
``notifications/tools/list_changed``. ``quit`` ends it.
"""

from __future__ import annotations

import json
import sys
from typing import Any

TOOLS = [{"name": "echo text", "description": "Says it again.", "inputSchema": {"type": "object"}}]


def say(**message: Any) -> None:
    print(json.dumps({"jsonrpc": "2.0", **message}), flush=True)


def called(request: dict[str, Any]) -> None:
    params = request["params"]
    if params["name"] == "quit":
        sys.exit(3)
    token = params.get("_meta", {}).get("progressToken")
    for number in range(1, 9):
        say(method="notifications/progress", params={"progressToken": token, "progress": number, "total": 8})
    say(id=request["id"], result={"content": [{"type": "text", "text": json.dumps(params["arguments"])}]})
    TOOLS.append({"name": "odd", "inputSchema": {"type": "object", "properties": {"a": {"type": "numbr"}}}})
    TOOLS.append({"name": "quit", "inputSchema": {"type": "object"}})
    say(method="notifications/tools/list_changed")


def main() -> None:
    for line in sys.stdin:
        request = json.loads(line)
        match request.get("method"):
            case "initialize":
                info = {"name": "legacy", "version": "0"}
                capabilities = {"tools": {"listChanged": True}}
                result = {"protocolVersion": "2025-06-18", "capabilities": capabilities, "serverInfo": info}
                say(id=request["id"], result=result)
            case "tools/list":
                say(id=request["id"], result={"tools": TOOLS})
            case "tools/call":
                called(request)
            case _ if "id" in request:
                say(id=request["id"], error={"code": -32601, "message": "Method not found"})


if __name__ == "__main__":
    main()
