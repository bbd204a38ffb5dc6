"""Labels of metrics from what clients and models say: a fixed set each, anything else is ``other``."""

from __future__ import annotations

CLIENT_TYPES = frozenset({"eclipse", "vscode", "playground", "python", "typescript", "java", "cli", "curl", "unknown"})
OWN_TOOLS = frozenset({"mcp_store_code_chunk", "mcp_check_syntax", "mcp_deploy_stored_code"})
TOKEN_KINDS = frozenset({"input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"})


def client_type(said: str | None) -> str:
    """The client's name of itself."""
    return said if said in CLIENT_TYPES else "unknown" if said is None else "other"


def tool_name(name: str, runs: str) -> str:
    """A tool of the service by name; those of MCP servers, of clients, and invented ones together."""
    return name if name in OWN_TOOLS else runs if runs != "server" else "other"


def token_kind(name: str) -> str:
    """A provider's field of its usage."""
    return name.removesuffix("_tokens") if name in TOKEN_KINDS else "other"
