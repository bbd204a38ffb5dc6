"""The doctor against the real service through paths that harm streams."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from pathlib import Path

import pytest
from clients.bad_path import BadPath
from clients.real_service import RealService

pytestmark = pytest.mark.slow
TESTS = str(Path(__file__).parents[1])


async def examine(url: str, key: str, seconds: int = 5) -> tuple[int, str]:
    """Exit code and report."""
    env = {**os.environ, "ORICODE_KEY": key, "PYTHONPATH": TESTS, "COLUMNS": "120"}
    command = [sys.executable, "-m", "clients.run_terminal", "doctor", url, "--seconds", str(seconds)]
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=asyncio.subprocess.STDOUT, env=env)
    async with asyncio.timeout(60):
        out, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode()


async def test_a_clean_path_gets_a_clean_bill_and_leaves_no_chat_behind(real_service: RealService) -> None:
    from oricode_client import OricodeClient

    code, report = await examine(real_service.url, real_service.key)
    assert code == 0, report
    assert len(re.findall(r"^(?:SSE|WebSocket) +flow ", report, re.MULTILINE)) == 2
    assert "ORICODE_HEARTBEAT_SECONDS=1 " in report
    async with OricodeClient(real_service.url, real_service.key) as client:
        assert (await client.chats())["chats"] == []


async def test_an_idle_cut_is_found_and_a_heartbeat_under_it_recommended(tmp_path: Path) -> None:
    async with RealService(tmp_path, ORICODE_HEARTBEAT_SECONDS="5") as service:
        async with BadPath(service.url, idle_cut=1.5) as path:
            code, report = await examine(path.url, service.key, seconds=6)
    assert code == 1, report
    assert "cut after 1.5 s" in report
    assert re.search(r"ORICODE_HEARTBEAT_SECONDS=0\.[78] ", report), report


async def test_a_total_cap_is_told_from_an_idle_cut(real_service: RealService) -> None:
    async with BadPath(real_service.url, total_cap=3) as path:
        code, report = await examine(path.url, real_service.key, seconds=6)
    assert code == 1, report
    assert "cut at 3.0 s" in report
    assert "cut after" not in report
    assert "ORICODE_HEARTBEAT_SECONDS=1 " in report


async def test_buffering_is_found(real_service: RealService) -> None:
    async with BadPath(real_service.url, hold=1.6) as path:
        code, report = await examine(path.url, real_service.key, seconds=6)
    assert code == 1, report
    assert "held back up to" in report
    assert "proxy_buffering off" in report


async def test_a_wrong_key_is_said_in_a_line(real_service: RealService) -> None:
    code, report = await examine(real_service.url, "wrong")
    assert code == 1
    assert "Your side" in report
