"""The verbs: listed, documented, and what CI calls."""

import re
import subprocess
from pathlib import Path

PROJECT = Path(__file__).parents[2]


def verbs() -> set[str]:
    shown = subprocess.run(["make", "help"], cwd=PROJECT, capture_output=True, text=True, timeout=60, check=True).stdout
    return set(re.findall(r"^  ([a-z][a-z0-9-]*) ", shown, re.MULTILINE))


def test_help_lists_the_verbs_of_all_parts():
    files = [PROJECT / "Makefile", *(PROJECT / "make").glob("*.mk")]
    documented = {name for file in files for name in re.findall(r"^([a-z][a-z0-9-]*):.*## ", file.read_text(), re.M)}
    assert verbs() == documented
    assert {"serve", "test", "check", "setup", "schema", "dist", "image-check"} <= documented


def test_a_make_without_a_verb_shows_help_and_does_nothing():
    done = subprocess.run(["make"], cwd=PROJECT, capture_output=True, text=True, timeout=60, check=True)
    assert "make serve" in done.stdout


def run_ci(programs, copied, *, failing: str = "none", known: str = "check image-check ts-test"):
    """CI with a ``make`` that knows some verbs only."""
    folder = copied(".ci/run", "scripts/setup/debian.sh")
    programs.add("dpkg-query", 'echo "ii "')
    programs.add(
        "make",
        f"""
        known=" {known} "
        [[ $1 == --dry-run ]] && {{ [[ $known == *" $2 "* ]]; exit; }}
        [[ $1 != {failing} ]] || exit 3
        """,
    )
    return programs.run(".ci/run", cwd=folder)


def test_ci_runs_the_check_the_image_and_every_part_that_is_there(programs, copied):
    done = run_ci(programs, copied)
    assert done.returncode == 0
    made = [call for call in programs.calls() if call.startswith("make") and "--dry-run" not in call]
    assert made == ["make --keep-going check", "make image-check", "make ts-test"]
    assert re.search(r"make java-test +no such verb", done.stdout)


def test_ci_goes_on_after_a_failure_and_fails_in_the_end_with_a_summary(programs, copied):
    done = run_ci(programs, copied, failing="--keep-going")
    assert done.returncode == 1
    summary = done.stdout.partition("##### summary")[2]
    assert re.search(r"make --keep-going check +FAILED with 3", summary)
    assert re.search(r"make ts-test +passed", summary)


def test_a_part_that_drives_windows_is_tried_twice_and_does_not_decide(programs, copied):
    done = run_ci(programs, copied, failing="faults", known="check image-check faults")
    assert done.returncode == 0
    assert sum(call.startswith("make faults") for call in programs.calls()) == 2
    assert re.search(r"make faults MINUTES=1 +did not pass in two tries", done.stdout)


def test_the_limits_of_ci_add_up_to_less_than_an_hour():
    text = (PROJECT / ".ci/run").read_text()
    minutes = [int(number) for number in re.findall(r"^(?:part|verb|shown) ([0-9]+) ", text, re.MULTILINE)]
    assert len(minutes) >= 8
    assert sum(minutes) < 60
