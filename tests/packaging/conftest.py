"""Running the project's scripts with programs that only write down how they were called."""

import os
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
LIMIT = 60


class Programs:
    """A folder of pretended programs, in front of the real ones or instead of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "calls"
        folder.mkdir()

    def add(self, name: str, body: str = "", exit_code: int = 0) -> Path:
        """A program that notes its call, does ``body`` (bash) and ends with ``exit_code``."""
        program = self.folder / name
        program.write_text(f'#!/bin/bash\necho "{name} $*" >>{self.log}\n{body}\nexit {exit_code}\n')
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        return program

    def calls(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []

    def run(self, *command: object, cwd: Path, only: bool = False, **variables: str):
        """Run ``command``; ``only``: with nothing else on PATH but the system's basic tools."""
        behind = "/usr/bin:/bin" if only else os.environ["PATH"]
        environment = {"PATH": f"{self.folder}:{behind}", "HOME": str(cwd), **variables}
        return subprocess.run(
            [str(part) for part in command],
            cwd=cwd,
            env=environment,
            capture_output=True,
            text=True,
            timeout=LIMIT,
            check=False,
        )


@pytest.fixture
def programs(tmp_path: Path) -> Programs:
    return Programs(tmp_path / "programs")


@pytest.fixture
def copied(tmp_path: Path) -> Callable[..., Path]:
    """Copies files of the project into an otherwise empty one."""

    def copy(*names: str) -> Path:
        folder = tmp_path / "project"
        for name in names:
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes((PROJECT / name).read_bytes())
            target.chmod((PROJECT / name).stat().st_mode)
        return folder

    return copy
