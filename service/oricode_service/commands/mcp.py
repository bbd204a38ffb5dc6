"""``oricode mcp check``: connects to the configured MCP servers once and says what it found.

In: ``mcp.json``. Out: a paragraph per server; exit code 1 when one of them cannot be used, 2 for a bad file.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import click


@click.group()
def mcp() -> None:
    """Look at the configured MCP servers."""


@mcp.command()
@click.option(
    "--config",
    required=True,
    envvar="ORICODE_MCP_CONFIG",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="File with mcpServers.",
)
@click.option("--seconds", default=30.0, show_default=True, help="How long a server may take to start.")
@click.pass_context
def check(ctx: click.Context, /, config: Path, seconds: float) -> None:
    """Connect to every server, list its tools, and disconnect."""
    from oricode_service.tools.mcp.config import BadConfig, parse
    from oricode_service.tools.mcp.servers import check as connect

    try:
        entries = parse(config.read_bytes(), os.environ)
        reports = asyncio.run(connect(entries, limit=seconds))
    except BadConfig as error:
        click.echo(f"oricode: {config}: {error}", err=True)
        ctx.exit(2)
    except ImportError as missing:
        raise click.ClickException(f"MCP is not supported by this installation: {missing}") from missing
    for report in reports:
        click.echo(f"{report.name}: {report.state}  {report.where}")
        if report.software or report.protocol:
            click.echo(f"  {' '.join(part for part in (report.software, report.protocol) if part)}")
        if report.reason:
            click.echo(f"  {report.reason}")
        for name, effect in report.tools:
            click.echo(f"  {name}  ({effect})")
        for name, why in report.refused:
            click.echo(f"  not offered: {name}: {why}")
    if not reports:
        click.echo("no servers are configured", err=True)
    ctx.exit(0 if all(report.state == "ready" for report in reports) else 1)
