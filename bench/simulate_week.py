"""A simulated week of traffic, written into a data directory: what the dashboard and `oricode report` are shown with.

``python bench/simulate_week.py DIR`` (deterministic: seed 7). Streaming is turned up over the week: 0, 10, 25, 50, 75,
100, 100 percent. The numbers are invented, in the proportions that the old backend had: of the long deployments over
JSON, those beyond three minutes lose their connection. Not a measurement of anything.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import random
import time
from contextlib import closing
from pathlib import Path

from oricode_service.access.rollout import Rollout
from oricode_service.store.sqlite import open_keys
from oricode_service.store.sqlite.database import connect

PERCENT = (0, 10, 25, 50, 75, 100, 100)
DAY_MS = 86_400_000
USERS = [f"user{number:03}" for number in range(240)]


def runs(until: int, dice: random.Random) -> list[tuple[object, ...]]:
    """Rows of a week's runs, busier by day than by night."""
    made = []
    for day, percent in enumerate(PERCENT):
        rollout = Rollout(percent)
        weekend = 0.25 if day in (4, 5) else 1.0
        for hour in range(24):
            for _ in range(int(26 * weekend * (0.15 + max(0.0, math.sin((hour - 5) / 15 * math.pi))))):
                at = until - (7 - day) * DAY_MS + hour * 3_600_000 + dice.randrange(3_600_000)
                made.append(run(at, dice.choice(USERS), rollout, dice))
    return sorted(made, key=lambda row: row[2])


def run(at: int, user: str, rollout: Rollout, dice: random.Random) -> tuple[object, ...]:
    """One ended run: (user, status, created, finished, labels, rating)."""
    client = dice.choice(["eclipse", "eclipse", "vscode"])
    arm = rollout.arm(user, client)
    deployment = dice.random() < 0.35
    seconds = dice.lognormvariate(math.log(150 if deployment else 18), 0.55)
    first = dice.lognormvariate(math.log(0.9), 0.35)
    status, code, watched = "completed", None, True
    if arm == "json" and seconds > 180 and dice.random() < 0.9:
        seconds, status, watched = dice.uniform(179, 184), "cancelled", False
    elif dice.random() < 0.012:
        status, code = "failed", dice.choice(["upstream_overloaded", "upstream_rate_limited", "upstream_dropped"])
    elif arm == "streaming" and dice.random() < 0.01:
        watched = False
    labels = {"transport": "sse" if arm == "streaming" else "json", "arm": arm, "client_type": client, "model": "demo"}
    labels |= {"watched": "yes" if watched else "no", "first_token_seconds": f"{first:.3f}"}
    labels |= {"code": code} if code else {}
    happy = (0.35 if not watched else 0.4 if status == "failed" else 0.9) - (0.12 if arm == "json" else 0)
    rating = ("up" if dice.random() < happy else "down") if dice.random() < 0.22 else None
    return user, status, at, at + int(seconds * 1000), json.dumps(labels).encode(), rating


async def fill(folder: Path, seed: int) -> int:
    """Write the week; how many runs it had."""
    with open_keys(folder):  # makes the tables
        pass
    rows = runs(time.time_ns() // 1_000_000, random.Random(seed))
    with closing(connect(folder)) as db:
        db.execute("begin immediate")
        for number, (user, status, created, finished, labels, rating) in enumerate(rows, 1):
            chat = db.execute(
                "insert into chat (id, user, title, created_at, updated_at) values (?, ?, 'Simulated', ?, ?)",
                (f"chat_simulated{number:08}", user, created, finished),
            ).lastrowid
            db.execute(
                "insert into run (id, chat_no, user, key_id, status, owner, epoch, request, labels, created_at,"
                " started_at, finished_at, last_seq, trimmed, rating) values (?, ?, ?, '', ?, '', 1, x'7b7d', ?, ?, ?,"
                " ?, 0, 1, ?)",
                (f"run_simulated{number:08}", chat, user, status, labels, created, created, finished, rating),
            )
        db.execute("commit")
    return len(rows)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=7)
    given = parser.parse_args()
    print(asyncio.run(fill(given.folder, given.seed)), "runs written; now: oricode serve --data-dir", given.folder)
