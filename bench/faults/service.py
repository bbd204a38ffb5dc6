"""The service under test: ``oricode serve`` in its own process, killed, drained and started on the same data.

``sabotage`` starts it through :mod:`sabotage` with one safeguard taken away; ``failpoint`` has it kill itself at a
named place. Times are monotonic seconds.
"""

from __future__ import annotations

import asyncio
import json
import re
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from .forked import Forked, Zygote
from .processes import PYTHON, Child, environment

ORICODE = str(Path(PYTHON).parent / "oricode")
_ADDRESS = r"address +http://\S+:(\d+)"
_KEY = r"key +(ok_\S+) "


@dataclass
class Kill:
    """One death: when, and how long the next process took to start."""

    at: float
    start_seconds: float = 0.0


class Service:
    """One data directory and whoever serves it."""

    def __init__(
        self, folder: Path, *, provider: str, counter: str | None = None, zygote: Zygote | None = None, **settings: str
    ) -> None:
        self.folder = folder
        self.port = 0
        self.key = ""
        self.kills: list[Kill] = []
        self.child: Child | Forked | None = None
        self.sabotage: str | None = None
        self.starts = 0
        self._zygote = zygote
        self._settings = {
            "ORICODE_MODEL": "claude-sonnet-5-5",
            "ANTHROPIC_API_KEY": "not-a-real-key",
            "ANTHROPIC_BASE_URL": provider,
            "ORICODE_RATE_LIMIT": "off",
            "ORICODE_MAX_CONCURRENT_RUNS": "0",
            "ORICODE_HEARTBEAT_SECONDS": "1",
            "ORICODE_RUN_MAX_TAKEOVERS": "100000",
            "ORICODE_ALLOWED_HOSTS": "*",
            "ORICODE_GRACE_SECONDS": "5",
            **settings,
        }
        if counter is not None:
            folder.mkdir(parents=True, exist_ok=True)
            config = folder.parent / f"{folder.name}.mcp.json"
            config.write_text(json.dumps({"mcpServers": {"counter": {"type": "http", "url": f"{counter}/mcp"}}}))
            self._settings["ORICODE_MCP_CONFIG"] = str(config)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def running(self) -> Child | Forked:
        assert self.child is not None
        return self.child

    async def start(self, failpoint: str | None = None, *, limit: float = 30.0) -> float:
        """Returns the seconds it took until it listened. A second start uses the first one's port."""
        began = time.monotonic()
        env = self.environment()
        if failpoint is not None:
            env["ORICODE_FAILPOINT"] = failpoint
        argv = ["serve", "--port", str(self.port), "--data-dir", str(self.folder)]
        if self._zygote is not None:
            self.child = await self._zygote.start(argv, env, self.sabotage)
            await self.child.until(_ADDRESS if self.key else _KEY, limit)
        else:
            program = [ORICODE] if self.sabotage is None else [PYTHON, "-m", "bench.faults.sabotage", self.sabotage]
            self.child, _ = await Child.start([*program, *argv], _ADDRESS if self.key else _KEY, limit=limit, env=env)
        said = "\n".join(self.child.said)
        self.port = int(re.findall(_ADDRESS, said)[0])
        self.key = self.key or re.findall(_KEY, said)[0]
        took = time.monotonic() - began
        self.starts += 1
        if self.kills and not self.kills[-1].start_seconds:
            self.kills[-1].start_seconds = took
        return took

    def environment(self) -> dict[str, str]:
        """What the process is started with."""
        return environment(**self._settings)

    async def kill(self) -> None:
        """kill -9; returns when it is dead."""
        self.kills.append(Kill(time.monotonic()))
        await self.running.end()

    async def died(self, limit: float = 30.0) -> None:
        """Wait for a failpoint to kill it; raises TimeoutError when it does not."""
        code = await self.running.wait(limit)
        if code != -signal.SIGKILL:
            raise RuntimeError(f"the service ended with {code}:\n" + "\n".join(self.running.said))
        self.kills.append(Kill(time.monotonic()))

    async def freeze(self, seconds: float) -> None:
        """SIGSTOP for a while."""
        self.running.signal(signal.SIGSTOP)
        await asyncio.sleep(seconds)
        self.running.signal(signal.SIGCONT)

    async def drain(self, limit: float = 20.0) -> int:
        """SIGTERM; the exit code."""
        self.running.signal(signal.SIGTERM)
        return await self.running.wait(limit)

    async def end(self) -> None:
        if self.child is not None and self.child.alive:
            self.child.signal(signal.SIGCONT)
            await self.child.end()
