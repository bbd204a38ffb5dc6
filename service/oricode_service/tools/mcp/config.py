"""``mcp.json`` in the form that other MCP clients use too.

In: the file's bytes and the environment. Out: one entry per server, in file order; an entry that cannot be used says
why and does not stop the others. ``${NAME}`` and ``${NAME:-default}`` in commands, arguments, addresses, ``env`` and
``headers`` are replaced. Keys we do not know are ignored: the file may be shared with other clients.

    {"mcpServers": {"git": {"command": "uvx", "args": ["mcp-server-git"], "env": {"TOKEN": "${GIT_TOKEN}"}},
                    "docs": {"type": "http", "url": "https://docs.example.com/mcp",
                             "headers": {"Authorization": "Bearer ${DOCS_KEY}"}}}}
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

_SERVER_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")
_HTTP_TYPES = ("http", "streamable-http", "streamableHttp")


class BadConfig(ValueError):
    """The file as a whole cannot be used; the text says why."""


@dataclass(frozen=True, slots=True)
class StdioServer:
    """A server that is our child process."""

    name: str
    command: str
    args: tuple[str, ...] = field(repr=False)
    env: Mapping[str, str] = field(repr=False)
    """On top of PATH, HOME and the like; the rest of the service's environment is not passed on."""
    cwd: str | None = None

    @property
    def where(self) -> str:
        return self.command


@dataclass(frozen=True, slots=True)
class HttpServer:
    """A server reached by streamable HTTP."""

    name: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)

    @property
    def where(self) -> str:
        """The address without what may be secret in it."""
        parts = urlsplit(self.url)
        port = f":{parts.port}" if parts.port else ""
        return f"{parts.scheme}://{parts.hostname}{port}{parts.path}"


@dataclass(frozen=True, slots=True)
class BadServer:
    """An entry that cannot be used."""

    name: str
    problem: str

    @property
    def where(self) -> str:
        return "mcp.json"


Entry = StdioServer | HttpServer | BadServer


class _Fields(BaseModel):
    model_config = ConfigDict(extra="ignore")

    type: str | None = None
    command: str | None = None
    args: list[str] = Field(default_factory=list)
    env: dict[str, str] = Field(default_factory=dict)
    cwd: str | None = None
    url: str | None = None
    headers: dict[str, str] = Field(default_factory=dict)
    disabled: bool = False


def parse(text: bytes, environ: Mapping[str, str]) -> list[Entry]:
    """The servers of a file, without those that are ``disabled``. Raises :class:`BadConfig`."""
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise BadConfig(f"not JSON: {error.msg} in line {error.lineno}, column {error.colno}") from error
    servers = document.get("mcpServers") if isinstance(document, dict) else None
    if not isinstance(servers, dict):
        raise BadConfig("an object with the key mcpServers is expected")
    entries = (_entry(name, given, environ) for name, given in servers.items())
    return [entry for entry in entries if entry is not None]


def _entry(name: str, given: Any, environ: Mapping[str, str]) -> Entry | None:
    if not _SERVER_NAME.fullmatch(name):
        return BadServer(name, "a server's name has 1 to 64 letters, digits, _ or -")
    try:
        fields = _Fields.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        return BadServer(name, f"{'.'.join(str(part) for part in first['loc']) or 'the entry'}: {first['msg']}")
    if fields.disabled:
        return None
    try:
        return _server(name, fields, lambda value: _expand(value, environ))
    except _Unset as unset:
        return BadServer(name, f"the environment variable {unset} is not set")


class _Unset(Exception):
    pass


def _expand(value: str, environ: Mapping[str, str]) -> str:
    def replacement(found: re.Match[str]) -> str:
        name, default = found.groups()
        if name in environ:
            return environ[name]
        if default is None:
            raise _Unset(name)
        return str(default)

    return _VARIABLE.sub(replacement, value)


def _server(name: str, fields: _Fields, expand: Any) -> Entry:
    if fields.command is not None and fields.type in (None, "stdio"):
        return StdioServer(
            name,
            expand(fields.command),
            tuple(expand(argument) for argument in fields.args),
            {key: expand(value) for key, value in fields.env.items()},
            expand(fields.cwd) if fields.cwd is not None else None,
        )
    if fields.url is not None and fields.type in (None, *_HTTP_TYPES):
        url = expand(fields.url)
        if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
            return BadServer(name, "url is not an http or https address")
        return HttpServer(name, url, {key: expand(value) for key, value in fields.headers.items()})
    if fields.type is not None and fields.type not in ("stdio", *_HTTP_TYPES):
        return BadServer(name, f"type {fields.type!r} is not supported; stdio and http are")
    return BadServer(name, "command (stdio) or url (http) is needed")
