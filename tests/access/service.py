"""A real service in a process of its own, for what only the wire can show."""

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

LIMIT = 60
OURS = ("ORICODE_", "ANTHROPIC_", "DATABASE_URL", "PORT")
ORICODE = Path(sys.executable).with_name("oricode")


@dataclass(frozen=True)
class Service:
    """A running service; its default model repeats what was said."""

    port: int
    data_dir: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def socket_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/api/ws"

    async def keys(self, *arguments: str) -> str:
        """What ``oricode keys`` prints, run beside the service."""
        command = [ORICODE, "keys", *arguments, "--data-dir", self.data_dir]
        process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        async with asyncio.timeout(LIMIT):
            output, _ = await process.communicate()
        assert process.returncode == 0
        return output.decode().strip()


@asynccontextmanager
async def running(data_dir: Path, **settings: str) -> AsyncIterator[Service]:
    """A service with these settings (``ORICODE_`` is put before the names), until the block ends."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    environment |= {f"ORICODE_{name.upper()}": value for name, value in settings.items()}
    command = [ORICODE, "serve", "--port", str(port), "--model", "echo", "--data-dir", data_dir]
    process = await asyncio.create_subprocess_exec(
        *command, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(LIMIT):
            while b"Try it" not in (line := await process.stdout.readline()):
                assert line, "the service ended before it was ready"
        yield Service(port, data_dir)
    finally:
        process.terminate()
        async with asyncio.timeout(LIMIT):
            await process.wait()
