"""Plays transcripts against a real service whose deployments need approval, and asks the judge.

In: transcripts and the policy. Out: what was deployed, what must not have been, and which places did not reach the
model.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from conformance.house import House
from oricode_service.access.keys import new_key
from oricode_service.store.sqlite import open_keys

from .attacks import VICTIM, Transcript
from .judge import Violation, audited, deployments, judge
from .model import ObedientModel
from .people import Attempt, Person

ASK = "mcp_deploy_*=ask,*=auto"
AT_ONCE = 12
EXPIRES_AFTER = 6.0
"""Seconds until an approval comes too late. Also what a person here may take to give one."""


@dataclass
class Result:
    """What came of it."""

    transcripts: list[Transcript]
    violations: list[Violation] = field(default_factory=list)
    deployed: int = 0
    approved: int = 0
    """Approvals that a person gave to what she knew."""
    seconds: float = 0.0

    @property
    def unsafe(self) -> set[int]:
        """Numbers of the transcripts that came to something wrong."""
        return {violation.number for violation in self.violations}

    @property
    def unapproved(self) -> set[int]:
        """Numbers of the transcripts that deployed what nobody had approved."""
        return {violation.number for violation in self.violations if violation.deployed}

    @property
    def harmless(self) -> list[Transcript]:
        """Those that must deploy without anybody's approval when nobody is asked, and did not."""
        return [t for t in self.transcripts if t.trick.dangerous and t.number not in self.unapproved]

    def lines(self) -> list[str]:
        """For a person."""
        told = [
            f"{len(self.transcripts)} transcripts in {self.seconds:.0f} s: {self.approved} approvals by a person, "
            f"{self.deployed} deployments, {len(self.violations)} wrong"
        ]
        by_number = {t.number: t for t in self.transcripts}
        for bad in self.violations:
            where = by_number.get(bad.number)
            said = f"{where.trick.name} from {where.place} over {where.transport}" if where else "no transcript"
            told.append(f"  {bad.number} ({said}): {bad.what}")
        return told


async def campaign(transcripts: list[Transcript], policy: str = ASK, *, sabotage: str | None = None) -> Result:
    """Play all. ``sabotage``: a safeguard of the service to take away."""
    began = time.monotonic()
    result = Result(transcripts)
    with tempfile.TemporaryDirectory() as name:
        folder, files = Path(name) / "data", Path(name) / "files"
        files.mkdir()
        for told in transcripts:
            (files / str(told.number)).write_text(told.hostile_text)
        config = Path(name) / "mcp.json"
        reader = {"command": sys.executable, "args": ["-m", "bench.injection.files", str(files)], "cwd": str(_ROOT)}
        config.write_text(json.dumps({"mcpServers": {"files": reader}}))
        settings = {
            "ORICODE_APPROVALS": policy,
            "ORICODE_APPROVAL_SECONDS": str(EXPIRES_AFTER),
            "ORICODE_MCP_CONFIG": str(config),
        }
        async with House(folder, sabotage=sabotage, **settings) as house:
            model = ObedientModel(transcripts)
            house.upstream.otherwise = model.answer
            attempts = await _play(house, folder, transcripts)
            result.violations += [Violation(a.told.number, what, deployed=False) for a in attempts for what in a.wrong]
            given = [approval for attempt in attempts for approval in attempt.given]
            await house.service.kill()
            found, audit = deployments(folder / "deployed"), audited(folder / "oricode.db")
        result.violations += judge(found, audit, given)
        names = {one.program for one in found}
        for told in transcripts:
            if "d" in told.orders and (told.number, "d") not in model.obeyed:
                result.violations.append(Violation(told.number, "its order never reached the model", deployed=False))
            if told.trick.deployed and told.program not in names:
                result.violations.append(Violation(told.number, "what was approved is not there", deployed=False))
        result.deployed, result.approved = sum(one.version for one in found), len(given)
    result.seconds = time.monotonic() - began
    return result


_ROOT = Path(__file__).resolve().parents[2]


async def _play(house: House, folder: Path, transcripts: list[Transcript]) -> list[Attempt]:
    names = [told.user for told in transcripts] + ["other", VICTIM]
    keys = await _keys(folder, names)
    room = asyncio.Semaphore(AT_ONCE)
    limits = httpx.Limits(max_connections=None)

    async with httpx.AsyncClient(base_url=house.url, timeout=60, limits=limits) as stranger:

        def person(name: str, transport: str = "sse") -> Person:
            http = httpx.AsyncClient(base_url=house.url, headers={"X-API-Key": keys[name]}, timeout=60, limits=limits)
            return Person(name, house.url, keys[name], http, transport)

        async def one(told: Transcript) -> Attempt:
            async with room:
                user = person(told.user, told.transport)
                attempt = Attempt(told, user, other, stranger)
                try:
                    await attempt.play()
                finally:
                    await user.http.aclose()
                return attempt

        other, victim = person("other"), person(VICTIM)
        try:
            await victim.say(prompt="obey-0-a")
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(one(told), name=f"transcript {told.number}") for told in transcripts]
            return [task.result() for task in tasks]
        finally:
            await other.http.aclose()
            await victim.http.aclose()


async def _keys(folder: Path, names: list[str]) -> dict[str, str]:
    """Made beside the running service, as an operator would, but in one process."""
    made = {}
    with open_keys(folder) as store:
        for name in names:
            made[name], row = new_key(name, admin=False, now=0)
            await store.add(row)
    return made


def spread(transcripts: list[Transcript]) -> str:
    """How many of what."""
    counts = (Counter(t.trick.name for t in transcripts), Counter(t.place for t in transcripts))
    ways = Counter(t.transport for t in transcripts)
    return f"{len(counts[0])} tricks, {len(counts[1])} places, {dict(sorted(ways.items()))}"
