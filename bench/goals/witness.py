"""Viewers that remember all they saw, and what a database must hold for them.

In: runs to watch, or to start again and again. Out: every event as it was shown, when a viewer was told of trouble,
and from the files of a service that was killed, which of those events are not there as they were shown.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from pathlib import Path
from typing import Any

from bench.faults.wire import Answer, Broken, Message, Parser, request

SILENCE = 20.0
"""Seconds; longer than the service's heartbeat, so that a viewer that waits is told by the service or not at all."""
TROUBLE = "recovering"


class Witness:
    """Watches one run and comes back whenever its connection ends."""

    def __init__(self, port: int, key: str, run: str = "") -> None:
        self.run = run
        self.seen: dict[tuple[str, int], Message] = {}
        """By run and seq."""
        self.last = 0
        """Seq, of the run that is watched."""
        self.last_at = 0.0
        self.silence = 0.0
        """The longest one between two events, in seconds."""
        self.wrong = 0
        """Events that were not the next one."""
        self.told_at: list[float] = []
        """When it was told that the service waits for its store: a heartbeat that says so, or a refusal."""
        self.refused = 0
        self._port = port
        self._headers = {"X-API-Key": key}

    async def watch(self) -> None:
        """Until cancelled."""
        while True:
            cursor = {"Last-Event-ID": self._id} if self.last else {}
            await self._read("GET", f"/api/runs/{self.run}/events", self._headers | cursor)
            await asyncio.sleep(0.2)

    async def ask(self, pause: float) -> None:
        """Short runs one after the other, until cancelled; steps that are fsynced."""
        while True:
            self.run, self.last = "", 0
            await self._read("POST", "/api/chat", self._headers, {"prompt": "Hello there.", "stream": True})
            await asyncio.sleep(pause)

    async def _read(self, method: str, path: str, headers: dict[str, str], body: Any = None) -> None:
        try:
            async with request(self._port, method, path, headers, body, silence=SILENCE) as answer:
                if answer.status != 200:
                    self.refused += 1
                    self.told_at.append(time.monotonic())
                    return
                await self._take(answer)
        except Broken:
            return

    async def _take(self, answer: Answer) -> None:
        parser = Parser()
        async for piece in answer.body():
            for message in parser.feed(piece):
                if message.id:
                    self._remember(message)
                elif message.event == "heartbeat" and message.data.get("state") == TROUBLE:
                    self.told_at.append(time.monotonic())
                if message.event == "done":
                    return

    def _remember(self, message: Message) -> None:
        run, _, number = message.id.split(".")
        now, seq = time.monotonic(), int(number)
        if self.run != run:
            self.run, self.last = run, 0
        self.wrong += seq != self.last + 1
        if self.last_at:
            self.silence = max(self.silence, now - self.last_at)
        self._id, self.last, self.last_at = message.id, seq, now
        self.seen[run, seq] = message


def missing(database: Path, seen: dict[tuple[str, int], Message]) -> list[str]:
    """What was shown and is not in the database, or is there otherwise; and a damaged file."""
    db = sqlite3.connect(database)
    try:
        bad = [] if db.execute("pragma integrity_check").fetchone() == ("ok",) else ["the file is damaged"]
        stored: dict[tuple[str, int], tuple[str, Any]] = {}
        rows = db.execute("select run.id, seq, event, data from event join run on run.no = event.run_no")
        for run, last, event, data in rows:
            lines = data.split(b"\n")
            for place, line in enumerate(lines):
                stored[run, last - len(lines) + 1 + place] = event, json.loads(line)
    finally:
        db.close()
    for key, message in seen.items():
        held = stored.get(key)
        if held is None:
            bad.append(f"{message.id} {message.event} was shown and is not there")
        elif held != (message.event, message.data):
            bad.append(f"{message.id} {message.event} was shown otherwise")
    return bad
