"""A child process that answers questions, one JSON object per line each way.

In: a question and the seconds it may take. Out: its answer, or :class:`WorkerFailed`. The process starts with the first
question and stays; one that dies is replaced, one that takes too long is killed. It gets its own session, so a Ctrl-C
in the terminal reaches only the service, and ends when its stdin closes, which the kernel does when the service dies.
What a question means is the caller's business.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections import deque
from collections.abc import AsyncIterator, Sequence
from typing import Any

import orjson

log = logging.getLogger(__name__)

_SECRET = ("ANTHROPIC_", "ORICODE_", "DATABASE_")
"""Beginnings of what the process reads untrusted programs without knowing."""
_LONGEST_LINE = 16 * 1024 * 1024
_LAST_WORDS = 10


class WorkerFailed(Exception):
    """No answer; the text says why, for a person."""


class WorkerTimeout(WorkerFailed):
    """The time was up; the process has been killed."""


class WorkerDied(WorkerFailed):
    """The process ended without an answer, or could not be started."""


class Worker:
    """Owns one child process at a time. Questions queue; the wait for one's turn does not count as its time."""

    def __init__(self, name: str, command: Sequence[str], *, start_limit: float = 30.0) -> None:
        self._name = name
        self._command = command
        self._start_limit = start_limit
        self._turn = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None
        self._stderr: asyncio.Task[None] | None = None
        self._last_words: deque[str] = deque(maxlen=_LAST_WORDS)
        self._greeting: dict[str, Any] = {}
        self._asked = 0

    @property
    def pid(self) -> int | None:
        """Of the running process; None when there is none."""
        process = self._process
        return process.pid if process is not None and process.returncode is None else None

    async def ask(self, question: dict[str, Any], limit: float) -> tuple[dict[str, Any], dict[str, Any]]:
        """The process's greeting and its answer to ``question`` (an ``id`` is added).

        A process that dies over the question is replaced once: it may have been killed from outside. Raises
        :class:`WorkerTimeout` after ``limit`` seconds and :class:`WorkerDied` on a second death.
        """
        async with self._turn:
            try:
                return await self._ask(question, limit)
            except WorkerDied as died:
                log.warning("%s died and is started again: %s", self._name, died)
                return await self._ask(question, limit)

    async def _ask(self, question: dict[str, Any], limit: float) -> tuple[dict[str, Any], dict[str, Any]]:
        process = await self._running()
        assert process.stdin is not None
        self._asked += 1
        async with self._answers_within(limit, process):
            try:
                process.stdin.write(orjson.dumps({**question, "id": self._asked}) + b"\n")
                await process.stdin.drain()
            except ConnectionError as broken:
                raise WorkerDied(f"{self._name} is gone ({broken})") from broken
            answer = await self._line(process)
        return self._greeting, answer

    async def _running(self) -> asyncio.subprocess.Process:
        process = self._process
        if process is not None and process.returncode is None:
            return process
        await self._reap()
        environment = {name: value for name, value in os.environ.items() if not name.startswith(_SECRET)}
        try:
            process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                limit=_LONGEST_LINE,
                env=environment,
                start_new_session=True,
            )
        except OSError as error:
            raise WorkerDied(f"{self._name} cannot be started: {error}") from error
        self._process = process
        self._stderr = asyncio.create_task(self._listen(process), name=f"{self._name} stderr")
        async with self._answers_within(self._start_limit, process):
            self._greeting = await self._line(process)
        return process

    @contextlib.asynccontextmanager
    async def _answers_within(self, limit: float, process: asyncio.subprocess.Process) -> AsyncIterator[None]:
        """Whatever ends the block but its own end leaves the process in the middle of something: it is killed."""
        answered = False
        try:
            async with asyncio.timeout(limit):
                yield
            answered = True
        except TimeoutError:
            raise WorkerTimeout(f"{self._name} did not answer within {limit:g} seconds") from None
        finally:
            if not answered:
                await self._end(process)

    async def _line(self, process: asyncio.subprocess.Process) -> dict[str, Any]:
        assert process.stdout is not None
        try:
            line = await process.stdout.readline()
            if line:
                answer: dict[str, Any] = orjson.loads(line)
                return answer
        except ValueError as error:  # longer than the limit, or not JSON
            raise WorkerDied(f"{self._name} answered nonsense: {error}") from error
        code = await process.wait()
        await self._reap()
        words = " / ".join(self._last_words)
        raise WorkerDied(f"{self._name} ended with code {code}{': ' if words else ''}{words}")

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        assert process.stderr is not None
        self._last_words.clear()
        while chunk := await process.stderr.read(4096):
            self._last_words += chunk.decode("utf-8", "replace").splitlines()

    async def _end(self, process: asyncio.subprocess.Process) -> None:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
        await process.wait()
        await self._reap()

    async def _reap(self) -> None:
        """Let the stderr of a process that has ended be read to its end."""
        if self._stderr is not None:
            await self._stderr
            self._stderr = None

    async def close(self) -> None:
        """Kill the process; the next question would start a new one."""
        if self._process is not None:
            await self._end(self._process)
            self._process = None
