"""The options that every command shares: which service, whose key, which transport; and the client they make.

In: the command line and ``ORICODE_URL``, ``ORICODE_KEY``, ``ORICODE_TRANSPORT``. Out: an :class:`OricodeClient`, or one
clear line and exit code 2.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar

import click

from ..client import OricodeClient
from ..pace import Pace
from ..transports import TransportName

F = TypeVar("F", bound=Callable[..., Any])

TRANSPORTS: tuple[TransportName, ...] = ("sse", "websocket", "json")
_PATIENT = Pace(patience=math.inf)
"""A person watches and can press Ctrl-C: never give a started run up."""


def service_options(command: F) -> F:
    """``--url`` and ``--key``."""
    url = click.option(
        "--url", envvar="ORICODE_URL", default="http://127.0.0.1:8000", show_default=True, help="The service's address."
    )
    key = click.option("--key", envvar="ORICODE_KEY", help="Your key; see `oricode keys create`.")
    return url(key(command))


def transport_option(command: F) -> F:
    """``--transport``."""
    return click.option(
        "--transport",
        envvar="ORICODE_TRANSPORT",
        type=click.Choice(TRANSPORTS),
        default="sse",
        show_default=True,
        help="How events come in.",
    )(command)


def make_client(url: str, key: str | None, transport: TransportName = "sse", pace: Pace | None = None) -> OricodeClient:
    """The client for the options, or a usage error."""
    if not key:
        raise click.UsageError("no key: give --key or set ORICODE_KEY (`oricode keys create --user NAME` makes one)")
    try:
        return OricodeClient(url, key, transport=transport, client_type="terminal", pace=pace or _PATIENT)
    except ValueError as complaint:
        raise click.UsageError(str(complaint)) from None
