"""All MCP servers of the configuration, and the tools that are there right now.

In: the entries of ``mcp.json``. Out: a live list of tools, a report for an operator. A server that is down,
misconfigured or offers nonsense costs its own tools only.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..inputs import BadSchema, InputCheck
from ..port import Tool
from .backoff import Backoff
from .config import BadServer, Entry, HttpServer, StdioServer
from .naming import model_names, prefix

if TYPE_CHECKING:
    from .connection import Connection

_PATIENCE_AT_START = 10.0
"""Seconds that runs wait for servers to come up when the service has just started."""


@dataclass(frozen=True, slots=True)
class ServerReport:
    """What is known of one server."""

    name: str
    where: str
    """Its command, or its address without what may be secret."""
    state: str
    """``connecting``, ``ready``, ``down``, ``stopped`` or ``unusable``."""
    reason: str
    """Why it is not ready; empty when it is."""
    protocol: str = ""
    software: str = ""
    """What the server calls itself; empty when it does not say."""
    tools: tuple[tuple[str, str], ...] = ()
    """Name for the model and effect class."""
    refused: tuple[tuple[str, str], ...] = ()
    """Tools that are not offered to the model, and why."""


class McpServers:
    """``start`` once, ``close`` once. Without entries it does nothing and imports nothing.

    ``idle_limit``: seconds a call may go without progress; ``hard_cap``: seconds it may take in all; ``connect_limit``:
    seconds a server has to start and list its tools; ``imported`` is called when the SDK is there.
    """

    def __init__(
        self,
        entries: Sequence[Entry],
        *,
        idle_limit: float = 120.0,
        hard_cap: float = 3600.0,
        connect_limit: float = 30.0,
        backoff: Backoff | None = None,
        imported: Callable[[], None] = lambda: None,
    ) -> None:
        if importlib.util.find_spec("mcp") is None and any(not isinstance(entry, BadServer) for entry in entries):
            raise ImportError("MCP servers are configured, but the package mcp is not installed")
        self._entries = entries
        self._idle_limit = idle_limit
        self._hard_cap = hard_cap
        self._connect_limit = connect_limit
        self._backoff = backoff or Backoff()
        self._imported = imported
        self._connections: list[Connection] = []
        self._tools: tuple[Tool, ...] = ()
        self._refused: dict[str, dict[str, str]] = {}
        self._news = asyncio.Event()
        self._starting: asyncio.Task[None] | None = None
        self._settle_until: float | None = None

    @property
    def prefixes(self) -> tuple[str, ...]:
        """Beginnings of tool names that belong to these servers, also while they are down."""
        return tuple(prefix(entry.name) for entry in self._entries)

    @property
    def tools(self) -> tuple[Tool, ...]:
        """What can be called now, always in the same order."""
        return self._tools

    def start(self) -> None:
        """Begin connecting; returns at once."""
        usable = [entry for entry in self._entries if not isinstance(entry, BadServer)]
        if not usable:
            return
        self._settle_until = asyncio.get_running_loop().time() + _PATIENCE_AT_START
        self._starting = asyncio.create_task(self._connect(usable), name="MCP servers")

    async def _connect(self, usable: Sequence[StdioServer | HttpServer]) -> None:
        # On a thread: importing the SDK takes a second, in which viewers of other runs would wait.
        module = await asyncio.to_thread(importlib.import_module, ".connection", __package__)
        self._imported()
        self._connections = [
            module.Connection(
                entry,
                self._renew,
                connect_limit=self._connect_limit,
                read_limit=self._idle_limit + 30,
                backoff=self._backoff,
            )
            for entry in usable
        ]
        for connection in self._connections:
            connection.start()
        self._news.set()

    async def settled_at_start(self) -> None:
        """Wait until every server is ready or down, but not for ever, and not at all later in the service's life."""
        until = self._settle_until
        left = _PATIENCE_AT_START if until is None else until - asyncio.get_running_loop().time()
        if left > 0:
            await self.settled(left)

    async def settled(self, limit: float) -> None:
        """Wait until every server is ready or down, at most ``limit`` seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(limit):
                while self._unsettled:
                    self._news.clear()
                    await self._news.wait()

    @property
    def _unsettled(self) -> bool:
        if not self._connections:
            return any(not isinstance(entry, BadServer) for entry in self._entries)
        return any(connection.state == "connecting" for connection in self._connections)

    def _renew(self) -> None:
        """A connection changed: make the list of tools anew."""
        from .tool import McpTool

        tools: list[Tool] = []
        for connection in self._connections:
            listed = {tool.name: tool for tool in connection.tools}
            refused = self._refused[connection.server.name] = {}
            for own_name, name in model_names(connection.server.name, listed).items():
                try:
                    InputCheck(listed[own_name].input_schema)
                except BadSchema as bad:
                    refused[own_name] = str(bad)
                    continue
                tools.append(
                    McpTool(
                        connection,
                        listed[own_name],
                        name,
                        idle_limit=self._idle_limit,
                        hard_cap=self._hard_cap,
                    )
                )
        self._tools = tuple(tools)
        self._news.set()

    def report(self) -> list[ServerReport]:
        """Every entry, in the order of the file."""
        connections = {connection.server.name: connection for connection in self._connections}
        return [self._report(entry, connections.get(entry.name)) for entry in self._entries]

    def _report(self, entry: Entry, connection: Connection | None) -> ServerReport:
        if isinstance(entry, BadServer):
            return ServerReport(entry.name, entry.where, "unusable", entry.problem)
        if connection is None:
            state, reason = (
                ("stopped", "not started") if self._starting is None else ("connecting", "not connected yet")
            )
            return ServerReport(entry.name, entry.where, state, reason)
        protocol = software = ""
        if (client := connection.client) is not None:
            protocol = client.protocol_version
            if (info := client.server_info) is not None:
                software = f"{info.name} {info.version}".strip()
        own = prefix(entry.name)
        return ServerReport(
            entry.name,
            entry.where,
            connection.state,
            connection.reason,
            protocol,
            software,
            tuple((tool.name, tool.effect.value) for tool in self._tools if tool.name.startswith(own)),
            tuple(sorted(self._refused.get(entry.name, {}).items())),
        )

    async def close(self) -> None:
        """Disconnect from all of them and end child processes."""
        if self._starting is not None:
            self._starting.cancel()
            await asyncio.wait([self._starting])
        await asyncio.gather(*(connection.close() for connection in self._connections))


async def check(entries: Sequence[Entry], *, limit: float = 30.0) -> list[ServerReport]:
    """Connect to every server once, say what was found, and disconnect. Raises ImportError without the SDK."""
    servers = McpServers(entries, connect_limit=limit)
    servers.start()
    try:
        await servers.settled(limit + 5)
        return servers.report()
    finally:
        await servers.close()
