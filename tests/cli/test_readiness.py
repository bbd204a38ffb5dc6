"""A service lives before it is ready: it answers while the SDK is still asked, and ends when that cannot be used."""

from __future__ import annotations

import http.client
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .conftest import LIMIT, clean_environment

SLOW = """
import importlib, sys
open({gate!r}).read()
sys.path.remove({folder!r})
del sys.modules["anthropic"]
importlib.invalidate_caches()
import anthropic
"""
"""An SDK whose import waits until somebody has opened the gate and closed it again."""


def standing_in(tmp_path: Path, code: str) -> dict[str, str]:
    """The environment in which ``import anthropic`` runs ``code``."""
    package = tmp_path / "stand-in" / "anthropic"
    package.mkdir(parents=True)
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    (package / "__init__.py").write_text(code.format(gate=str(gate), folder=str(package.parent)))
    return clean_environment(
        PYTHONPATH=str(package.parent), ANTHROPIC_API_KEY="k", ANTHROPIC_BASE_URL="http://127.0.0.1:9", ORICODE_PORT="0"
    )


@contextmanager
def serving(tmp_path: Path, environment: dict[str, str]) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A service and its port, from its banner on."""
    command = [str(Path(sys.executable).with_name("oricode")), "serve", "--data-dir", str(tmp_path / "data")]
    service = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path
    )
    try:
        assert service.stdout is not None
        shown = iter(service.stdout.readline, "")
        yield service, next(int(found[1]) for line in shown if (found := re.search(r"address +http://.*:(\d+)", line)))
    finally:
        service.kill()
        service.communicate()


def status(port: int, path: str) -> int:
    asking = http.client.HTTPConnection("127.0.0.1", port, timeout=LIMIT)
    asking.request("GET", path)
    return asking.getresponse().status


def test_it_lives_at_once_and_is_ready_when_the_sdk_has_spoken(tmp_path: Path):
    environment = standing_in(tmp_path, SLOW)
    with serving(tmp_path, environment) as (_, port):
        assert (status(port, "/healthz"), status(port, "/readyz")) == (200, 503)
        (tmp_path / "gate").write_text("")  # returns when the SDK's import has come as far as the gate
        until = time.monotonic() + LIMIT
        while status(port, "/readyz") != 200:
            assert time.monotonic() < until
            time.sleep(0.05)
    with serving(tmp_path, environment) as (_, port):  # nobody opens the gate any more: the answer was kept
        assert status(port, "/readyz") == 200


def test_an_sdk_that_cannot_be_imported_ends_the_start_with_one_line(tmp_path: Path):
    with serving(tmp_path, standing_in(tmp_path, "raise ImportError('half an SDK')")) as (service, _):
        _, said = service.communicate(timeout=LIMIT)
        assert service.returncode == 2
    told = [line for line in said.splitlines() if line.startswith("oricode: ")]
    assert told == ["oricode: Claude cannot be reached: the Anthropic SDK cannot be used: ImportError: half an SDK"]
    assert "Traceback" not in said


def test_ctrl_c_reaches_the_service_and_not_the_child_that_it_asks(tmp_path: Path):
    """A terminal sends it to the whole process group: a child that dies of it would look like an SDK that is broken."""
    with serving(tmp_path, standing_in(tmp_path, SLOW)) as (service, port):
        assert status(port, "/readyz") == 503
        child = int(Path(f"/proc/{service.pid}/task/{service.pid}/children").read_text())
        assert os.getpgid(child) != os.getpgid(service.pid)
        os.kill(service.pid, signal.SIGINT)
        _, said = service.communicate(timeout=LIMIT)
    assert (service.returncode, "oricode: " in said) == (0, False)
    assert not Path(f"/proc/{child}").exists()
