"""What documents name is there: settings, commands, flags, verbs and files."""

from __future__ import annotations

import re
import subprocess

import pytest
from click import Command, Group
from docs.pages import PROJECT, commands, indented_commands, pages, prose, text_of
from oricode_service.cli import main
from oricode_service.settings import _OF_CLIENTS

VERBS = set(
    re.findall(
        r"^  ([a-z][a-z0-9-]*) ",
        subprocess.run(["make", "help"], cwd=PROJECT, capture_output=True, text=True, timeout=60, check=True).stdout,
        re.MULTILINE,
    )
)
FOLDERS = tuple(
    f"{path.name}/" for path in PROJECT.iterdir() if path.is_dir() and path.name not in ("data", "dist", "test-output")
)
SHELL_ONLY = {"ORICODE_DATABASE_PASSWORD"}
"""Read by compose.yaml."""


@pytest.mark.parametrize("page", pages())
def test_settings_exist(page: str) -> None:
    settings = text_of("docs/settings.md")
    for name in set(re.findall(r"\bORICODE_[A-Z_]+[A-Z]\b", text_of(page))) - _OF_CLIENTS - SHELL_ONLY:
        assert f"`{name}`" in settings, name


@pytest.mark.parametrize("page", pages())
def test_verbs_of_make_exist(page: str) -> None:
    for name in re.findall(r"`make ([a-z][a-z0-9-]+)", text_of(page)):
        assert name in VERBS, name
    for command in commands(page):
        if (found := re.match(r"make ([a-z0-9-]+)", command.text)) is not None:
            assert found[1] in VERBS, command


@pytest.mark.parametrize("page", pages())
def test_commands_of_oricode_and_their_flags_exist(page: str) -> None:
    named = [command.text for command in commands(page)] + re.findall(r"`(oricode [a-z-]+)`", text_of(page))
    for text in named:
        words = text.split()
        if not words[0].endswith("oricode"):
            continue
        command: Command = main
        for word in words[1:]:
            if word in ("&&", "|", ";", ">"):
                break
            if isinstance(command, Group) and not word.startswith("-"):
                command = command.get_command(None, word)  # type: ignore[arg-type, assignment]
                assert command is not None, text
            elif word.startswith("--"):
                flags = {flag for option in command.params for flag in option.opts}
                assert word.partition("=")[0] in flags | {"--help", "--version"}, text


@pytest.mark.parametrize("page", [page for page in pages() if page != "CHANGELOG.md"])
def test_files_that_are_named_are_there(page: str) -> None:
    """Between backticks, from the project's root or from the document's folder."""
    for name in re.findall(r"`([\w./-]+/[\w./*-]*)`", prose(page)):
        if name.startswith(FOLDERS) and "*" not in name and not name.startswith("clients/eclipse/target"):
            here = (PROJECT / page).parent
            assert (PROJECT / name).exists() or (here / name).exists(), name


@pytest.mark.parametrize("page", pages())
def test_commands_stand_in_fenced_blocks(page: str) -> None:
    assert indented_commands(page) == []
