"""The real command, as a process of its own."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

LIMIT = 60
"""Seconds after which a command counts as hanging."""

Oricode = Callable[..., "subprocess.CompletedProcess[str]"]


def clean_environment(**more: str) -> dict[str, str]:
    """The environment without settings of whoever runs the tests."""
    ours = ("ORICODE_", "ANTHROPIC_", "DATABASE_URL", "PORT")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)} | more


@pytest.fixture
def oricode(tmp_path: Path) -> Oricode:
    """Runs ``oricode`` with these arguments; variables by keyword."""

    def run(*arguments: object, **variables: str) -> "subprocess.CompletedProcess[str]":
        command = [str(Path(sys.executable).with_name("oricode")), *map(str, arguments)]
        environment = clean_environment(**variables)
        return subprocess.run(
            command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=LIMIT, check=False
        )

    return run
