"""Tools of MCP servers, by the official SDK.

``config`` reads ``mcp.json``; ``servers`` holds them all and is what the service uses; ``connection`` owns one server;
``tool`` is one of its tools. The SDK is an optional extra and slow to import, so only ``connection`` and ``tool`` (with
``watched`` and ``results``) import it, and ``servers`` imports those when there is a server to connect to.
"""
