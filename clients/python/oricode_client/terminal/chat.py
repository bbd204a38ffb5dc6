"""``oricode chat``: talk to a service; at a terminal a conversation, in a pipe one question and its answer.

In: a prompt as argument, on standard input, or typed. Out: the answer on standard output, remarks on standard error;
with ``--json`` the events as they came, one JSON object a line. Exit code 0 completed, 1 failed, 130 stopped.
"""

from __future__ import annotations

import asyncio
import sys

import click
from oricode_protocol import codec
from rich.console import Console

from ..client import OricodeClient
from ..errors import OricodeClientError
from ..run import Run
from ..transports import TransportName
from .conversation import Conversation
from .live_view import LiveView
from .options import make_client, service_options, transport_option
from .plain_view import PlainView
from .view import View, blamed
from .watching import COMPLETED, FAILED, STOPPED, Left, watch


@click.command()
@click.argument("prompt", nargs=-1)
@service_options
@transport_option
@click.option("--chat", "chat_id", help="Go on in this chat.")
@click.option("--model", help="Ask this model instead of the service's default.")
@click.option("--json", "as_json", is_flag=True, help="Print events as JSON lines; for pipes.")
@click.option("--plain", is_flag=True, help="No colours and nothing that moves.")
def chat(
    prompt: tuple[str, ...],
    url: str,
    key: str | None,
    transport: TransportName,
    chat_id: str | None,
    model: str | None,
    as_json: bool,
    plain: bool,
) -> None:
    """Chat with a service. Without PROMPT at a terminal: a conversation; /help tells its commands."""
    question = " ".join(prompt)
    at_terminal = sys.stdin.isatty() and sys.stdout.isatty()
    if not question and not sys.stdin.isatty():
        question = sys.stdin.read()
    if not question and (as_json or not at_terminal):
        raise click.UsageError("no prompt: give it as an argument or on standard input")
    client = make_client(url, key, transport)
    console = Console(no_color=plain or None, force_terminal=False if plain else None)
    if not question:
        sys.exit(Conversation(client, console, transport, chat_id, model).talk())
    sys.exit(asyncio.run(_once(client, console, question, transport, chat_id, model, as_json)))


async def _once(
    client: OricodeClient,
    console: Console,
    question: str,
    transport: TransportName,
    chat_id: str | None,
    model: str | None,
    as_json: bool,
) -> int:
    """One question, one answer, the exit code."""
    answers = sys.stdin.isatty() and sys.stdout.isatty() and not as_json
    async with client:
        run = client.chat(question, chat_id=chat_id, model=model, approvals=answers)
        return await (print_json(run) if as_json else show(run, make_view(console, transport), answers=answers))


def make_view(console: Console, transport: str) -> View:
    """The view that fits where the output goes."""
    if console.is_terminal and not console.is_dumb_terminal:
        return LiveView(console, transport)
    return PlainView(sys.stdout, sys.stderr)


async def show(run: Run, view: View, *, may_cancel: bool = True, answers: bool = False) -> int:
    """:func:`watch`, with its failures told in a line."""
    try:
        return await watch(run, view, may_cancel=may_cancel, answers=answers)
    except Left:
        where = f" It goes on: oricode tail {run.run_id}" if run.run_id and run.status not in ("completed",) else ""
        click.echo(f"Left.{where}", err=True)
        return STOPPED
    except OricodeClientError as error:
        click.echo(blamed(error), err=True)
        return FAILED
    finally:
        await run.aclose()


async def print_json(run: Run) -> int:
    """The run's events as JSON lines on standard output."""
    try:
        async for wire in run.wires():
            line = {"id": wire.id, "event": wire.event, "data": wire.data} if wire.id else None
            sys.stdout.buffer.write(codec.dumps(line or {"event": wire.event, "data": wire.data}) + b"\n")
            sys.stdout.buffer.flush()
    except OricodeClientError as error:
        click.echo(blamed(error), err=True)
        return FAILED
    finally:
        await run.aclose()
    return {"completed": COMPLETED, "cancelled": STOPPED}.get(run.status, FAILED)
