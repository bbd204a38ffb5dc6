"""One MCP server: a task that owns its client, keeps it connected and its list of tools current.

In: where the server is. Out: its state, its tools and a client to call them with, while there is one. The client is
entered and left in the owner's task, as the SDK demands; calls are made from the tasks of the callers. A server that
dies or cannot be reached loses its tools and is tried again, ever more slowly; nothing else notices.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
from collections.abc import Callable
from typing import Literal

import httpx2
from mcp import Client, MCPError, StdioServerParameters, stdio_client
from mcp.client import IncomingMessage
from mcp.client.streamable_http import streamable_http_client
from mcp.client.subscriptions import ListenNotSupportedError, SubscriptionLost
from mcp.types import Implementation, Tool, ToolListChangedNotification
from pydantic import ValidationError

from .backoff import Backoff
from .config import HttpServer, StdioServer
from .watched import watched

log = logging.getLogger(__name__)

State = Literal["connecting", "ready", "down", "stopped"]
CLIENT_INFO = Implementation(name="oricode", version="1")
_MOST_PAGES = 50
_STEADY = 60.0
"""Seconds after which a connection that breaks is not counted as a failure in a row."""
_CLOSE_LIMIT = 15.0


class Connection:
    """Created stopped. ``start`` once, ``close`` once."""

    def __init__(
        self,
        server: StdioServer | HttpServer,
        changed: Callable[[], None],
        *,
        connect_limit: float,
        read_limit: float,
        backoff: Backoff,
    ) -> None:
        self.server = server
        self.state: State = "connecting"
        self.reason = "not connected yet"
        """Why there is no connection; empty when there is one."""
        self.client: Client | None = None
        """For calls; None unless ready. A call may still meet its end."""
        self.tools: tuple[Tool, ...] = ()
        self._changed = changed
        self._connect_limit = connect_limit
        self._read_limit = read_limit
        self._backoff = backoff
        self._owner: asyncio.Task[None] | None = None
        self._news = asyncio.Event()
        self._stopping = self._broken = self._stale = False

    def start(self) -> None:
        self._owner = asyncio.create_task(self._own(), name=f"mcp {self.server.name}")
        self._owner.add_done_callback(self._owner_done)

    def _owner_done(self, owner: asyncio.Task[None]) -> None:
        """An owner ends when it is told to; one that fell over a bug leaves its server down, and says so."""
        if not owner.cancelled() and (bug := owner.exception()) is not None:
            log.error("MCP server %s is given up", self.server.name, exc_info=bug)
            self._show("down", f"internal error ({type(bug).__name__})")

    async def close(self) -> None:
        """Disconnect and end a child process. Calls in progress end with an error."""
        self._stopping = True
        self._news.set()
        if self._owner is None:
            return
        if self.client is not None:
            await asyncio.wait([self._owner], timeout=_CLOSE_LIMIT)
        self._owner.cancel()  # it is still connecting, or does not get rid of its server
        await asyncio.wait([self._owner])
        self._show("stopped", "stopped")

    async def _own(self) -> None:
        failures = 0
        loop = asyncio.get_running_loop()
        while not self._stopping:
            began = loop.time()
            reason = await self._connected_until_over()
            failures = 1 if self.state == "ready" and loop.time() - began > _STEADY else failures + 1
            self._show("stopped" if self._stopping else "down", reason)
            if not self._stopping:
                wait = self._backoff.seconds(failures)
                log.warning("MCP server %s: %s; next try in %.1f s", self.server.name, reason, wait)
                await self._pause(wait)

    async def _pause(self, seconds: float) -> None:
        self._news.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0 if self._stopping else seconds):
                await self._news.wait()

    async def _connected_until_over(self) -> str:
        """Connect and stay so; why it ended. Only a cancellation gets out of here."""
        self._broken = self._stale = False
        try:
            async with contextlib.AsyncExitStack() as stack:
                async with asyncio.timeout(self._connect_limit):
                    client = await stack.enter_async_context(await self._client(stack))
                    self.tools = await _list_tools(client)
                stack.push_async_callback(_ended_task, asyncio.create_task(self._listen(client)))
                self.client = client
                self._show("ready", "")
                await self._serve(client)
            return "stopped" if self._stopping else "the connection ended"
        except TimeoutError:
            return f"no answer within {self._connect_limit:g} seconds"
        except (OSError, ValueError, MCPError, httpx2.HTTPError) as error:
            return _sentence(error)
        except ExceptionGroup as several:
            return "; ".join(dict.fromkeys(_sentence(error) for error in _leaves(several)))

    async def _client(self, stack: contextlib.AsyncExitStack) -> Client:
        server = self.server
        if isinstance(server, StdioServer):
            child = StdioServerParameters(
                command=server.command, args=list(server.args), env=dict(server.env), cwd=server.cwd
            )
            transport = stdio_client(child, errlog=sys.stderr)
        else:
            timeout = httpx2.Timeout(self._connect_limit, read=self._read_limit)
            http = await stack.enter_async_context(httpx2.AsyncClient(headers=dict(server.headers), timeout=timeout))
            transport = streamable_http_client(server.url, http_client=http)
        return Client(
            watched(transport, self._ended),
            client_info=CLIENT_INFO,
            message_handler=self._heard,
            cache=None,
        )

    async def _serve(self, client: Client) -> None:
        while not (self._stopping or self._broken):
            await self._news.wait()
            self._news.clear()
            if self._stale and not self._broken:
                self._stale = False
                async with asyncio.timeout(self._connect_limit):
                    self.tools = await _list_tools(client)
                self._changed()

    async def _listen(self, client: Client) -> None:
        """Changes of the tool list, where the protocol version has a subscription for them."""
        try:
            async with client.listen(tools_list_changed=True) as subscription:
                async for _ in subscription:
                    self.look()
        except (ListenNotSupportedError, SubscriptionLost, MCPError) as no_news:
            log.debug("MCP server %s announces no changes of its tools: %s", self.server.name, no_news)

    async def _heard(self, message: IncomingMessage) -> None:
        if isinstance(message, ToolListChangedNotification):
            self.look()

    def look(self) -> None:
        """List the tools anew, soon: they changed, or a call broke and the server may be gone."""
        self._stale = True
        self._news.set()

    def _ended(self) -> None:
        self._broken = True
        self._news.set()

    def _show(self, state: State, reason: str) -> None:
        self.state, self.reason = state, reason
        if state != "ready":
            self.client, self.tools = None, ()
        self._changed()


async def _ended_task(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task])


async def _list_tools(client: Client) -> tuple[Tool, ...]:
    tools: list[Tool] = []
    cursor: str | None = None
    for _ in range(_MOST_PAGES):
        page = await client.list_tools(cursor=cursor)
        tools += page.tools
        cursor = page.next_cursor
        if cursor is None:
            break
    return tuple(tools)


def _leaves(group: ExceptionGroup[Exception]) -> list[Exception]:
    return [
        leaf
        for error in group.exceptions
        for leaf in (_leaves(error) if isinstance(error, ExceptionGroup) else [error])
    ]


def _sentence(error: Exception) -> str:
    """For a person; never an address or a header, which may hold secrets."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if isinstance(error, httpx2.HTTPError):
        return f"the connection failed ({type(error).__name__})"
    if isinstance(error, ValidationError):
        first = error.errors(include_input=False, include_url=False)[0]
        return f"its answer is not understood: {'.'.join(map(str, first['loc']))}: {first['msg']}"
    return str(error) or type(error).__name__
