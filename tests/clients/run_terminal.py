"""``python -m clients.run_terminal COMMAND ...``: the terminal commands on their own, without the service's CLI."""

from __future__ import annotations

import click
from oricode_client.terminal import chat, demo, doctor, tail

if __name__ == "__main__":
    click.Group(commands={"chat": chat, "demo": demo, "doctor": doctor, "tail": tail})()
