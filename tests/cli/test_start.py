"""The command starts fast because it imports only what the called command needs."""

import importlib.metadata
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner
from oricode_service.cli import COMMANDS, LazyGroup, main

HEAVY = ("pydantic", "anthropic", "starlette", "uvicorn", "aiohttp", "limits", "mcp", "rich", "httpx", "jsonschema")

RUN_AND_LIST = """
import sys
from oricode_service.cli import main
try:
    main(sys.argv[1:])
except SystemExit as end:
    assert not end.code, end.code
print(*(name for name in sys.modules if "." not in name), file=sys.stderr)
"""


def loaded(*arguments: str) -> set[str]:
    command = [sys.executable, "-c", RUN_AND_LIST, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return set(done.stderr.splitlines()[-1].split())


@pytest.mark.parametrize(
    "arguments",
    [["--version"], ["--help"], ["keys", "--help"], ["keys", "create", "--user", "anna"], ["keys", "list"]],
    ids=" ".join,
)
def test_version_help_and_keys_import_nothing_heavy(arguments, tmp_path):
    """What a wall clock would measure (under 0.3 s) depends on the machine; what is imported does not."""
    place = ["--data-dir", str(tmp_path)] if arguments[0] == "keys" and arguments[1] != "--help" else []
    modules = loaded(*arguments, *place)
    assert "click" in modules
    assert modules.isdisjoint(HEAVY)


def test_the_version_is_that_of_the_installed_package(oricode):
    assert oricode("--version").stdout == f"oricode {importlib.metadata.version('oricode-service')}\n"


def test_the_three_packages_have_one_version():
    names = ("oricode-service", "oricode-protocol", "oricode-client")
    assert len({importlib.metadata.version(name) for name in names}) == 1


def test_help_lists_every_command_with_its_summary():
    shown = CliRunner().invoke(main, ["--help"]).output
    for name, command in COMMANDS.items():
        assert f"  {name} " in shown
        assert command.summary in shown


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_of_the_table_is_there(name):
    command = LazyGroup().get_command(click.Context(main), name)
    assert isinstance(command, click.Command)


def test_an_unknown_command_is_a_usage_error(oricode):
    done = oricode("sevre")
    assert done.returncode == 2
    assert "No such command 'sevre'" in done.stderr
