"""``oricode demo``: plays a chunked deployment against a running service, with its real tools behind a scripted model.

Needs no model key: the service's model ``demo`` says a script. What is stored, checked and deployed is real.
"""

from __future__ import annotations

import asyncio
import sys

import click
from rich.console import Console

from ..client import OricodeClient
from ..transports import TransportName
from .chat import make_view, print_json, show
from .options import make_client, service_options, transport_option

_PROMPT = "Write a report that lists open sales orders, and deploy it."


@click.command()
@service_options
@transport_option
@click.option("--json", "as_json", is_flag=True, help="Print events as JSON lines; for pipes.")
@click.option("--plain", is_flag=True, help="No colours and nothing that moves.")
def demo(url: str, key: str | None, transport: TransportName, as_json: bool, plain: bool) -> None:
    """Play a deployment in eight chunks; takes about three minutes."""
    client = make_client(url, key, transport)
    console = Console(no_color=plain or None, force_terminal=False if plain else None)
    sys.exit(asyncio.run(_demo(client, console, transport, as_json)))


async def _demo(client: OricodeClient, console: Console, transport: str, as_json: bool) -> int:
    async with client:
        run = client.chat(_PROMPT, model="demo", approvals=sys.stdin.isatty() and not as_json)
        if as_json:
            return await print_json(run)
        return await show(run, make_view(console, transport), answers=sys.stdin.isatty())
