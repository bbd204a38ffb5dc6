"""What the image is made of is what can be checked without Docker."""

import fnmatch
import json
import re
from pathlib import Path

PROJECT = Path(__file__).parents[2]
DOCKERFILE = (PROJECT / "Dockerfile").read_text().replace("\\\n", " ")


def instructions(name: str) -> list[str]:
    return [line.split(None, 1)[1].strip() for line in DOCKERFILE.splitlines() if line.startswith(f"{name} ")]


def test_every_step_is_a_script_that_the_check_runs_too():
    check = (PROJECT / "scripts/image/check.sh").read_text()
    steps = [step.split()[0] for step in instructions("RUN")]
    assert len(steps) >= 4
    for step in steps:
        assert re.fullmatch(r"scripts/image/[a-z]+\.sh", step)
        assert step in check


def test_the_service_runs_without_root_and_keeps_its_state_in_data():
    last = DOCKERFILE.rpartition("FROM ")[2]
    assert re.search(r"^USER ([1-9][0-9]*):\1$", last, re.MULTILINE)
    assert re.search(r"^COPY .*--chown=10001:10001 /data /data$", last, re.MULTILINE)
    assert "ORICODE_DATA_DIR=/data" in last
    assert "HEALTHCHECK" in last
    assert "PORT=" not in last, "the platform sets it"


def test_no_volume_is_declared_because_railway_refuses_to_build_such_a_file():
    assert not instructions("VOLUME")


def test_everything_that_is_copied_exists_and_is_sent_to_the_builder():
    """A path that .dockerignore leaves out would fail only in a real build."""
    rules = [line for line in (PROJECT / ".dockerignore").read_text().splitlines() if line and line[0] != "#"]
    kept = [rule[1:] for rule in rules if rule.startswith("!")]
    assert rules[0] == "*"
    for copy in instructions("COPY"):
        if copy.startswith("--from"):
            continue
        for source in copy.split()[:-1]:
            assert (PROJECT / source).exists(), source
            assert any(source == path or source.startswith(path + "/") for path in kept), source


def test_local_state_and_secrets_are_not_sent_to_the_builder():
    rules = [line.strip() for line in (PROJECT / ".dockerignore").read_text().splitlines()]
    kept = [rule[1:] for rule in rules if rule.startswith("!")]
    for private in (".git", ".env", ".venv", "data", "data/oricode.db"):
        assert not any(fnmatch.fnmatch(private, path) or private.startswith(path + "/") for path in kept)


def test_railway_builds_the_dockerfile_and_waits_for_readiness():
    railway = json.loads((PROJECT / "railway.json").read_text())
    assert railway["build"] == {"builder": "DOCKERFILE", "dockerfilePath": "Dockerfile"}
    assert railway["deploy"]["healthcheckPath"] == "/readyz"
    assert railway["deploy"]["drainingSeconds"] > 10
