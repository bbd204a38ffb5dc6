"""The suite's side of the zygote: asks for services and gives them the face of :class:`processes.Child`."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
from collections import deque
from collections.abc import Mapping, Sequence

from .processes import PYTHON, ROOT, environment


class Forked:
    """A process the zygote forked."""

    def __init__(self, pid: int, output: asyncio.StreamReader) -> None:
        self.pid = pid
        self.said: deque[str] = deque(maxlen=200)
        self.code: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.output = output
        self._reading: asyncio.Task[None] | None = None

    async def until(self, ready: str, limit: float) -> re.Match[str]:
        """Wait for a line; raises RuntimeError when the process ends before."""
        async with asyncio.timeout(limit):
            while line := await self._line():
                if found := re.search(ready, line):
                    self._reading = asyncio.create_task(self._read())
                    return found
            raise RuntimeError(f"the service ended with {await self.code}:\n" + "\n".join(self.said))

    async def _line(self) -> str:
        line = (await self.output.readline()).decode("utf-8", "replace")
        if line:
            self.said.append(line.rstrip("\n"))
        return line

    async def _read(self) -> None:
        while await self._line():
            pass

    @property
    def alive(self) -> bool:
        return not self.code.done()

    def signal(self, number: signal.Signals) -> None:
        if self.alive:
            os.kill(self.pid, number)

    async def wait(self, limit: float = 30.0) -> int:
        async with asyncio.timeout(limit):
            code = await asyncio.shield(self.code)
            if self._reading is not None:
                await asyncio.wait([self._reading], timeout=1)
            return code

    async def end(self) -> None:
        self.signal(signal.SIGKILL)
        await self.wait()


class Zygote:
    """``async with Zygote() as zygote``; one for a whole suite."""

    def __init__(self) -> None:
        self._children: dict[int, Forked] = {}
        self._ours, self._theirs = socket.socketpair()
        self._born: asyncio.Future[int] | None = None
        self._ready = asyncio.Event()
        self._lock = asyncio.Lock()

    async def __aenter__(self) -> Zygote:
        self._process = await asyncio.create_subprocess_exec(
            PYTHON, "-m", "bench.faults.zygote", str(self._theirs.fileno()),
            pass_fds=[self._theirs.fileno()], env=environment(), cwd=ROOT, stdin=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        self._theirs.close()
        self._ours.setblocking(False)
        self._listening = asyncio.create_task(self._listen())
        async with asyncio.timeout(60):
            await self._ready.wait()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._listening.cancel()
        await asyncio.wait([self._listening])
        self._ours.close()
        for child in self._children.values():
            os.kill(child.pid, signal.SIGKILL)
        async with asyncio.timeout(10):
            await self._process.wait()

    async def _listen(self) -> None:
        loop, rest = asyncio.get_running_loop(), b""
        while data := await loop.sock_recv(self._ours, 65536):
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                said = json.loads(line)
                if "ready" in said:
                    self._ready.set()
                elif "code" in said:
                    self._children.pop(said["pid"]).code.set_result(said["code"])
                else:
                    reader, self._waiting_output = self._waiting_output, None
                    assert reader is not None
                    assert self._born is not None
                    self._children[said["pid"]] = Forked(said["pid"], reader)
                    self._born.set_result(said["pid"])

    async def start(self, argv: Sequence[str], env: Mapping[str, str], sabotage: str | None) -> Forked:
        """Fork a service."""
        async with self._lock:
            loop = asyncio.get_running_loop()
            read, write = os.pipe()
            reader = asyncio.StreamReader()
            pipe = os.fdopen(read, "rb", 0)
            await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)
            self._waiting_output: asyncio.StreamReader | None = reader
            self._born = loop.create_future()
            request = json.dumps({"argv": list(argv), "env": dict(env), "sabotage": sabotage}).encode()
            socket.send_fds(self._ours, [request], [write])
            os.close(write)
            return self._children[await self._born]
