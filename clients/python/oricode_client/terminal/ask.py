"""Asks a person one line while the event loop goes on."""

from __future__ import annotations

import asyncio
import os
import sys


async def ask_line(prompt: str) -> str:
    """The line typed, without its end; empty at the end of the input.

    Cancelling it leaves nothing behind that would swallow the next line (where the loop can watch the terminal, which
    is everywhere but on Windows).
    """
    sys.stdout.write(prompt)
    sys.stdout.flush()
    loop = asyncio.get_running_loop()
    descriptor = sys.stdin.fileno()
    ready = asyncio.Event()
    try:
        loop.add_reader(descriptor, ready.set)
    except NotImplementedError:
        typed: str = await asyncio.to_thread(sys.stdin.readline)
        return typed.rstrip("\n")
    try:
        await ready.wait()
        line = os.read(descriptor, 4096)  # a terminal hands out whole lines
        return line.decode(errors="replace").rstrip("\n")
    finally:
        loop.remove_reader(descriptor)
