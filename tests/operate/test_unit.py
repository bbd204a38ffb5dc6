"""The systemd unit: what `systemctl reload` sends is what the service hands over on, and systemd can read the file."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import subprocess
from configparser import ConfigParser
from pathlib import Path

import pytest
from clients.real_service import RealService

UNIT = Path(__file__).parents[2] / "deploy" / "oricode.service"


def unit() -> ConfigParser:
    parsed = ConfigParser(strict=False, interpolation=None)
    parsed.optionxform = str  # type: ignore[assignment, method-assign]
    parsed.read(UNIT)
    return parsed


def test_the_unit_reloads_by_handing_over_and_lets_the_next_process_speak_for_itself() -> None:
    service = unit()["Service"]
    assert service["ExecReload"] == "/bin/kill -USR2 $MAINPID"
    assert (service["Type"], service["NotifyAccess"]) == ("notify", "all")
    assert float(service["TimeoutStopSec"]) > 10


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_systemd_can_read_it(tmp_path: Path) -> None:
    here = tmp_path / UNIT.name
    here.write_text(UNIT.read_text().replace("/opt/oricode/.venv/bin/oricode", "/bin/true"))
    said = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(here)], capture_output=True, text=True, timeout=60
    )
    assert [line for line in said.stderr.splitlines() if UNIT.name in line] == []


async def test_the_manager_is_told_who_the_main_process_is(tmp_path: Path) -> None:
    told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    told.bind(str(tmp_path / "notify"))
    told.setblocking(False)
    loop = asyncio.get_running_loop()
    lock = tmp_path / "data" / "oricode.lock"

    async def words() -> dict[str, str]:
        async with asyncio.timeout(60):
            return dict(line.split("=", 1) for line in (await loop.sock_recv(told, 4096)).decode().split("\n"))

    async with RealService(tmp_path / "data", NOTIFY_SOCKET=str(tmp_path / "notify")):
        former = int(lock.read_text().split()[1])
        assert await words() == {"MAINPID": str(former), "READY": "1"}
        os.kill(former, signal.SIGUSR2)
        following = await words()
        assert following == {"MAINPID": lock.read_text().split()[1], "READY": "1"}
        assert following["MAINPID"] != str(former)
        os.kill(int(following["MAINPID"]), signal.SIGTERM)
        assert await words() == {"STOPPING": "1"}
    told.close()
