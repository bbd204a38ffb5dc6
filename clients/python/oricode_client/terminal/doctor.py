"""``oricode doctor URL``: what the path to a service does to streams, and the heartbeat that survives it.

Run it from where the users are: every proxy on the way takes part. See :mod:`.probe` for how, :mod:`.diagnosis` for
what the answers mean. Exit code 0 when streams live, 1 when something on the way harms them.
"""

from __future__ import annotations

import asyncio
import sys

import click
from rich.console import Console
from rich.table import Table

from ..client import OricodeClient
from ..errors import OricodeClientError
from ..service import Service
from .diagnosis import Verdict, advice, judge, recommend
from .options import make_client, service_options
from .probe import Probe
from .view import blamed, span


@click.command()
@click.argument("address", metavar="URL", required=False)
@service_options
@click.option("--seconds", default=75.0, show_default=True, type=click.FloatRange(5, 86_400), help="How long to watch.")
def doctor(address: str | None, url: str, key: str | None, seconds: float) -> None:
    """Measure what the path to URL does to streams: buffering, cuts of quiet and of old connections."""
    console = Console()
    client = make_client(address or url, key)
    assert key is not None
    try:
        verdicts, heartbeat = asyncio.run(_examine(Service(address or url, key), client, seconds, console))
    except OricodeClientError as error:
        raise click.ClickException(blamed(error)) from error
    harmed = report(console, verdicts, heartbeat)
    sys.exit(1 if harmed else 0)


async def _examine(
    service: Service, client: OricodeClient, seconds: float, console: Console
) -> tuple[list[Verdict], float]:
    probe = Probe(client, service, seconds)
    async with service, client:
        with console.status(f"Watching quiet and busy streams for {span(seconds)}..."):
            await probe.run()
    paths = dict.fromkeys(seen.path for seen in probe.observed)
    return [
        judge(path, [o for o in probe.observed if o.path == path], probe.heartbeat) for path in paths
    ], probe.heartbeat


def report(console: Console, verdicts: list[Verdict], heartbeat: float) -> bool:
    """Print the verdicts; whether something on the way harms streams."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for title in ("path", "pieces", "quiet connections", "old connections"):
        table.add_column(title)
    for verdict in verdicts:
        table.add_row(verdict.path, _pieces(verdict), _quiet(verdict), _old(verdict))
    console.print(table)
    console.print()
    for verdict in verdicts:
        for line in advice(verdict):
            console.print(f"! {line}", soft_wrap=True)
    interval, reason = recommend(verdicts, heartbeat)
    console.print(f"Heartbeat: ORICODE_HEARTBEAT_SECONDS={interval:g} ({reason}).", soft_wrap=True)
    return interval != heartbeat or any(advice(verdict) for verdict in verdicts)


def _pieces(verdict: Verdict) -> str:
    if verdict.held_back:
        return f"held back up to {verdict.held_back:.1f} s"
    if verdict.swallowed:
        return "nothing before the end"
    return "–" if verdict.held_back is None else "flow"


def _quiet(verdict: Verdict) -> str:
    if verdict.idle_cut is not None:
        return f"cut after {verdict.idle_cut:.1f} s"
    return f"lived through {verdict.survived_silence:.0f} s of silence"


def _old(verdict: Verdict) -> str:
    if verdict.total_cap is not None:
        return f"cut at {span(verdict.total_cap)}"
    return f"lived for {span(verdict.watched)}"
