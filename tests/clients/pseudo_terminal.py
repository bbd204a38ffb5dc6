"""A program on a pseudo-terminal, and what a person would see on its screen."""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import signal
import struct
import sys
import termios
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

import pyte

_TESTS = str(Path(__file__).parents[1])
_LIMIT = 30.0
"""Seconds that any wait may take."""


class PseudoTerminal:
    """Runs ``oricode ARGS`` with a screen of ``columns`` x ``rows``."""

    def __init__(self, *args: str, env: dict[str, str], columns: int = 90, rows: int = 30) -> None:
        self._command = [sys.executable, "-m", "clients.run_terminal", *args]
        self._env = {
            **os.environ,
            "PYTHONPATH": _TESTS,
            "TERM": "xterm-256color",
            "COLUMNS": str(columns),
            "LINES": str(rows),
            **env,
        }
        self._size = (columns, rows)
        self._screen = pyte.HistoryScreen(columns, rows, history=5000)
        self._stream = pyte.ByteStream(self._screen)
        self._changed = asyncio.Event()
        self._ended = asyncio.Event()

    async def __aenter__(self) -> Self:
        ours, theirs = pty.openpty()
        columns, rows = self._size
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self._process = await asyncio.create_subprocess_exec(
            *self._command, stdin=theirs, stdout=theirs, stderr=theirs, env=self._env, preexec_fn=_own_terminal
        )
        os.close(theirs)
        self._descriptor = ours
        asyncio.get_running_loop().add_reader(ours, self._read)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.returncode is None:
            self._process.kill()
            await self._process.wait()
        if not self._ended.is_set():
            asyncio.get_running_loop().remove_reader(self._descriptor)
        os.close(self._descriptor)

    def _read(self) -> None:
        try:
            data = os.read(self._descriptor, 65536)
        except OSError:  # Linux's way of saying that the other side is gone
            data = b""
        if data:
            self._stream.feed(data)
        else:
            asyncio.get_running_loop().remove_reader(self._descriptor)
            self._ended.set()
        self._changed.set()

    @property
    def text(self) -> str:
        """Scroll-back and screen, a line each."""
        above = ["".join(row[x].data for x in range(self._size[0])) for row in self._screen.history.top]
        return "\n".join(line.rstrip() for line in [*above, *self._screen.display])

    @property
    def screen(self) -> pyte.HistoryScreen:
        """What is visible."""
        return self._screen

    async def shows(self, what: str | Callable[[str], bool], seconds: float = _LIMIT) -> None:
        """Wait until the screen shows ``what``."""
        seen = what if callable(what) else (lambda text: what in text)
        try:
            async with asyncio.timeout(seconds):
                while not seen(self.text):
                    assert not self._ended.is_set(), f"the program ended without showing {what!r}:\n{self.text}"
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise AssertionError(f"{what!r} was not shown in {seconds} s:\n{self.text}") from None

    async def prompts(self) -> None:
        """Wait until the program asks for the next line: what is typed before that may get lost, as with any shell."""
        await self.shows(lambda text: text.rstrip().endswith("\n›"))

    def types(self, text: str) -> None:
        os.write(self._descriptor, text.encode())

    def presses_ctrl_c(self) -> None:
        self.types("\x03")

    def presses_ctrl_d(self) -> None:
        self.types("\x04")

    def disappears(self) -> None:
        """The window is closed."""
        self._process.send_signal(signal.SIGHUP)

    async def exit_code(self) -> int:
        async with asyncio.timeout(_LIMIT):
            await self._ended.wait()
            return await self._process.wait()


def _own_terminal() -> None:
    """In the child: a session of its own, whose controlling terminal is the pseudo-terminal."""
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
