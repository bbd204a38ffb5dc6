"""``oricode tail RUN``: watch a run from a second terminal. Watching never stops a run: Ctrl-C only leaves."""

from __future__ import annotations

import asyncio
import sys

import click
from rich.console import Console

from ..client import OricodeClient
from ..run import Run
from ..transports import TransportName
from .chat import make_view, print_json, show
from .options import make_client, service_options, transport_option


@click.command()
@click.argument("run", metavar="RUN")
@service_options
@transport_option
@click.option("--after", default="", metavar="ID", help="Begin behind this event instead of at the first.")
@click.option("--json", "as_json", is_flag=True, help="Print events as JSON lines; for pipes.")
@click.option("--plain", is_flag=True, help="No colours and nothing that moves.")
def tail(run: str, url: str, key: str | None, transport: TransportName, after: str, as_json: bool, plain: bool) -> None:
    """Watch RUN from its first event to its end."""
    client = make_client(url, key, transport)
    console = Console(no_color=plain or None, force_terminal=False if plain else None)
    watched = client.attach(run, after=after)
    sys.exit(asyncio.run(_tail(client, watched, console, transport, as_json)))


async def _tail(client: OricodeClient, run: Run, console: Console, transport: str, as_json: bool) -> int:
    async with client:
        if as_json:
            return await print_json(run)
        return await show(run, make_view(console, transport), may_cancel=False)
