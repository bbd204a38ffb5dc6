"""Names of MCP tools as the model sees them: ``<server>__<tool>``, in the letters that the Messages API allows.

In: the server's and the tool's own names. Out: a name that fits ``[a-zA-Z0-9_-]{1,128}``; names that would fall
together or be too long end in a hash, the same after every restart.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from hashlib import sha256

SEPARATOR = "__"
_LONGEST = 128
_FORBIDDEN = re.compile(r"[^a-zA-Z0-9_-]")


def prefix(server: str) -> str:
    return server + SEPARATOR


def model_names(server: str, tools: Iterable[str]) -> dict[str, str]:
    """Tool name -> model name, one to one."""
    names: dict[str, str] = {}
    for tool in sorted(set(tools)):
        name = prefix(server) + _FORBIDDEN.sub("_", tool)
        if len(name) > _LONGEST or name in names.values():
            digest = sha256(tool.encode("utf-8", "surrogatepass")).hexdigest()[:8]
            name = f"{name[: _LONGEST - 9]}_{digest}"
        names[tool] = name
    return names
