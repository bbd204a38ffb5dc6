"""``oricode health``: asks the service on this machine whether it is up, for a container's health check.

In: the port. Out: exit code 0 when ``/healthz`` answers 200 within three seconds, else 1 and one line why.
"""

from __future__ import annotations

from http import HTTPStatus
from http.client import HTTPConnection, HTTPException

import click

_LIMIT = 3.0


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to ask.")
@click.option("--port", default=8000, show_default=True, envvar=["ORICODE_PORT", "PORT"], help="Port to ask.")
def health(host: str, port: int) -> None:
    """Ask a service whether it is up."""
    connection = HTTPConnection(host, port, timeout=_LIMIT)
    try:
        connection.request("GET", "/healthz")
        status = connection.getresponse().status
    except (OSError, HTTPException) as error:
        raise click.ClickException(f"no answer from {host}:{port}: {error}") from error
    finally:
        connection.close()
    if status != HTTPStatus.OK:
        raise click.ClickException(f"{host}:{port} answers {status}")
