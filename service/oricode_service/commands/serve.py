"""``oricode serve``: reads the settings and hands over to the application.

In: flags and the environment. Out: the exit code of the service; 2 and one line on stderr for a bad setting.
"""

from __future__ import annotations

import os

import click


@click.command()
@click.option("--host", help="Address to listen on (127.0.0.1).")
@click.option("--port", help="Port to listen on (8000).")
@click.option("--data-dir", help="Folder of the database and of deployed programs (data).")
@click.option("--model", help="Default model: claude-…, local or demo.")
@click.option("--database-url", help="PostgreSQL instead of SQLite: postgresql://…")
@click.pass_context
def serve(ctx: click.Context, /, **flags: str | None) -> None:
    """Run the service until it is told to stop.

    Each option is also an environment variable (--data-dir: ORICODE_DATA_DIR); docs/settings.md lists them and all
    other settings.
    """
    from oricode_service import collector

    collector.rest()
    from oricode_service.settings import BadSetting, Settings, misspelt

    try:
        settings = Settings.read(os.environ, flags)
    except BadSetting as error:
        click.echo(f"oricode: {error}", err=True)
        ctx.exit(2)
    for warning in misspelt(os.environ):
        click.echo(f"oricode: warning: {warning}", err=True)

    from oricode_service.app import serve as run_service

    ctx.exit(run_service(settings))
