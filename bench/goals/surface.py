"""The HTTP surface as the OpenAPI document describes it: schemathesis makes requests of it, good ones and bad ones.

``python -m bench.goals.surface [--examples 100] [--seed 1]``. Twice: with invented ids, and with those of a run, a chat
and a program that exist. Exit code 1 for a 5xx, a status or content type that is not described, a key that was not
asked for. Not checked: that just what fits the schema is taken. A prompt of white space fits it and is refused; a null
does not and counts as an absent field.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

from .service import Service, service

ROOT = Path(__file__).parents[2]
LIMIT = 900
NOT_CHECKED = ("positive_data_acceptance", "negative_data_rejection")


def main() -> int:
    asked = argparse.ArgumentParser(prog="python -m bench.goals.surface")
    asked.add_argument("--examples", type=int, default=100)
    asked.add_argument("--seed", type=int, default=1)
    options = asked.parse_args()
    with service(ORICODE_RUN_MAX_SECONDS="2") as running, tempfile.TemporaryDirectory() as folder:
        bad = 0
        for name, known in (("invented ids", {}), ("ids that exist", _made(running))):
            bad += _attack(running, Path(folder), name, known, options.examples, options.seed)
        bad += not running.alive
        failures = [line for line in running.said if "Exception" in line or "Traceback" in line]
        print(f"unhandled exceptions in the service's log: {len(failures)}")
        return 1 if bad or failures else 0


def _made(running: Service) -> dict[str, str]:
    """A chat with a run."""
    headers = {"X-API-Key": running.key, "Content-Type": "application/json"}
    request = urllib.request.Request(f"{running.url}/api/chat", b'{"prompt":"x"}', headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        made = json.load(answer)
    return {"run": made["run_id"], "chat": made["chat_id"]}


def _attack(running: Service, folder: Path, name: str, known: dict[str, str], examples: int, seed: int) -> int:
    config = folder / "schemathesis.toml"
    config.write_text("[parameters]\n" + "".join(f'"path.{key}" = "{value}"\n' for key, value in known.items()))
    command = [
        str(ROOT / ".venv/goals/bin/schemathesis"), "--config-file", str(config), "run", f"{running.url}/openapi.json",
        "--header", f"X-API-Key: {running.key}", "--max-examples", str(examples), "--seed", str(seed),
        "--exclude-checks", ",".join(NOT_CHECKED), "--generation-database", "none",
        "--request-timeout", "60",
    ]  # fmt: skip
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=LIMIT)
    cases = re.search(r"(\d+) generated", done.stdout)
    print(f"schemathesis, {name}, seed {seed}: {cases[1] if cases else 'no'} cases, exit code {done.returncode}")
    if done.returncode or cases is None:
        print(done.stdout[-6000:], done.stderr[-2000:])
    return int(done.returncode != 0 or cases is None)


if __name__ == "__main__":
    sys.exit(main())
