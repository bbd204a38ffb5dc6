"""The client of before streaming: one POST, one JSON answer, behind nginx with an idle limit shorter than the answer.

``python -m bench.faults.old_client --seconds 1200``; prints a table row. Nothing arrives from the model for most of the
time; the service's white space is all that keeps nginx (60 s unless ``--idle`` says otherwise) from cutting.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from . import fronts, plan
from .forked import Zygote
from .processes import PYTHON, Child
from .service import Service
from .wire import Broken, request


@dataclass
class Report:
    """How the one request went."""

    status: int
    seconds: float
    first_byte: float
    longest_quiet: float
    """Seconds between two pieces of the body."""
    white_space: int
    right: bool
    """The document is whole, completed, and holds the provider's text."""
    problem: str = ""


async def ask(
    folder: Path, seconds: int, idle: int, heartbeat: float, zygote: Zygote | None = None, shape: str = "slow"
) -> Report:
    """Ask once through nginx. ``idle``: its proxy_read_timeout; ``shape``: a quiet (slow) or talkative (busy) model."""
    async with contextlib.AsyncExitStack() as stack:
        provider, found = await Child.start([PYTHON, "-m", "bench.faults.provider"], r"^(http://\S+)$")
        stack.push_async_callback(provider.end)
        assert found is not None
        settings = {"ORICODE_HEARTBEAT_SECONDS": str(heartbeat)}
        service = Service(folder / "data", provider=found[1], zygote=zygote, **settings)
        stack.push_async_callback(service.end)
        await service.start()
        front, port = await fronts.nginx(folder, service.port, f"proxy_read_timeout {idle}s;")
        stack.push_async_callback(front.end)
        return await _ask(service, port, seconds, shape)


async def _ask(service: Service, port: int, seconds: int, shape: str) -> Report:
    wanted = plan.make("old", seconds, shape)
    body = {"prompt": plan.prompt("old", seconds, shape), "client_type": "eclipse"}
    began = last = time.monotonic()
    quiet, first, data, status, problem = 0.0, 0.0, b"", 0, ""
    try:
        headers = {"X-API-Key": service.key}
        async with request(port, "POST", "/api/chat", headers, body, silence=seconds + 60) as answer:
            status = answer.status
            async for piece in answer.body():
                now = time.monotonic()
                first = first or now - began
                quiet, last = max(quiet, now - last), now
                data += piece
    except Broken as broken:
        problem = str(broken)
    right = False
    if status == 200 and not problem:
        document = json.loads(data)
        right = document["status"] == "completed" and document["text"] == wanted.text
    white = len(data) - len(data.lstrip())
    return Report(status, time.monotonic() - began, first, quiet, white, right, problem)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.faults.old_client", description=__doc__)
    parser.add_argument("--seconds", type=int, default=90, help="how long the model takes")
    parser.add_argument("--idle", type=int, default=60, help="nginx's proxy_read_timeout")
    parser.add_argument("--heartbeat", type=float, default=15.0)
    parser.add_argument("--busy", action="store_true", help="the model talks all the time, instead of every 20 s")
    options = parser.parse_args()
    shape = "busy" if options.busy else "slow"
    with tempfile.TemporaryDirectory(prefix="oricode-old-") as folder:
        report = asyncio.run(ask(Path(folder), options.seconds, options.idle, options.heartbeat, shape=shape))
    print("| idle limit | heartbeat | answer after | first byte | longest quiet | white space | right |")
    print("| ---: | ---: | ---: | ---: | ---: | ---: | --- |")
    print(
        f"| {options.idle} s | {options.heartbeat:g} s | {report.seconds:.1f} s | {report.first_byte:.1f} s "
        f"| {report.longest_quiet:.1f} s | {report.white_space} bytes | {'yes' if report.right else 'NO'} "
        f"{report.status} {report.problem} |"
    )
    return 0 if report.right else 1


if __name__ == "__main__":
    sys.exit(main())
