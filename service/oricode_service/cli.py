"""The ``oricode`` command: a table of commands, each imported only when it is called.

In: the command line. Out: the exit code of the command; 2 for a wrong command line or setting. To add a command, add
its line to :data:`COMMANDS`; the name behind the colon is a click command. Start-up time is a promise here
(``--version`` and ``keys`` under 0.3 s), so this module and ``commands.keys`` import nothing heavy.
"""

from __future__ import annotations

import importlib
from typing import NamedTuple

import click


class Lazy(NamedTuple):
    """Where a command lives, and what ``--help`` says of it without importing it."""

    target: str
    """``module:name`` of a click command."""
    summary: str


COMMANDS = {
    "serve": Lazy("oricode_service.commands.serve:serve", "Run the service."),
    "keys": Lazy("oricode_service.commands.keys:keys", "Create, list and revoke API keys."),
    "health": Lazy("oricode_service.commands.health:health", "Ask a service on this machine whether it is up."),
    "chat": Lazy("oricode_client.terminal:chat", "Chat with a service in the terminal."),
    "tail": Lazy("oricode_client.terminal:tail", "Watch a run from a second terminal."),
    "demo": Lazy("oricode_client.terminal:demo", "Play a chunked deployment against a running service."),
    "doctor": Lazy("oricode_client.terminal:doctor", "Measure what the path to a service does to streams."),
    "report": Lazy("oricode_service.commands.report:report", "Compare both arms of the rollout."),
    "backup": Lazy("oricode_service.commands.backup:backup", "Copy the database of a running service."),
    "restore": Lazy("oricode_service.commands.backup:restore", "Put a backup in place."),
    "import-chats": Lazy("oricode_service.commands.import_chats:import_chats", "Bring in chats of the old backend."),
    "mcp": Lazy("oricode_service.commands.mcp:mcp", "Look at the configured MCP servers."),
}


class LazyGroup(click.Group):
    """Knows its commands by table."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].target.partition(":")
        command = getattr(importlib.import_module(module), name)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, command.summary) for name, command in COMMANDS.items()])


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="oricode-service", message="oricode %(version)s")
def main() -> None:
    """Oricode: an AI coding assistant's streaming service, and the tools around it."""


if __name__ == "__main__":
    main()
