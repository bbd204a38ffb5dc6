"""Set-up finds a Python, says clearly what is missing, and goes on without what is only nice to have."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
SCRIPTS = sorted([*PROJECT.glob("scripts/setup/*.sh"), *PROJECT.glob("scripts/image/*.sh"), PROJECT / ".ci/run"])
OLD = 'if [[ "$1" == -c ]]; then exit 1; fi'


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_every_script_parses_and_stops_at_the_first_failure(script):
    subprocess.run(["bash", "-n", str(script)], check=True)
    text = script.read_text()
    assert "\nset -euo pipefail\n" in text or (text.startswith("#!/bin/sh\n") and "\nset -eu\n" in text)
    assert script.stat().st_mode & 0o111


def test_the_newest_python_that_works_is_taken(programs, copied):
    programs.add("python3.13", OLD)
    usable = programs.add("python3.12")
    programs.add("python3.11")
    done = programs.run("scripts/setup/find-python.sh", cwd=copied("scripts/setup/find-python.sh"))
    assert done.stdout.strip() == str(usable)


def test_a_python_of_ones_own_choice_comes_first(programs, copied):
    programs.add("python3.13")
    folder = copied("scripts/setup/find-python.sh")
    done = programs.run("scripts/setup/find-python.sh", cwd=folder, PYTHON_FOR_VENV=sys.executable)
    assert done.stdout.strip() == sys.executable


def test_without_a_usable_python_it_says_what_to_install(programs, copied):
    for name in ("python3.13", "python3.12", "python3.11", "python3"):
        programs.add(name, OLD)
    done = programs.run("scripts/setup/find-python.sh", cwd=copied("scripts/setup/find-python.sh"))
    assert (done.returncode, done.stdout) == (1, "")
    assert "3.11 or later" in done.stderr
    assert "apt install python3 python3-venv" in done.stderr


def test_everything_is_compiled_also_where_python_itself_writes_no_bytecode(programs, copied):
    folder = copied("scripts/setup/python.sh", "requirements.lock")
    version = re.search(r"^UV_VERSION=(.*)$", (PROJECT / "scripts/setup/python.sh").read_text(), re.MULTILINE)[1]
    tools = folder / ".venv/bin"
    tools.mkdir(parents=True)
    (tools / "python").symlink_to(sys.executable)
    (tools / "uv").symlink_to(programs.add("uv", f'echo "uv {version} (for tests)"'))
    modules = [
        folder / place / "module.py"
        for place in (
            ".venv/lib/python3/site-packages", "protocol/oricode_protocol", "service/oricode_service",
            "clients/python/oricode_client",
        )
    ]  # fmt: skip
    for module in modules:
        module.parent.mkdir(parents=True)
        module.write_text("x = 1\n")
    (modules[0].parent / "of_another_python.py").write_text("print 'x'\n")
    done = programs.run("scripts/setup/python.sh", cwd=folder, PYTHONDONTWRITEBYTECODE="1")
    assert done.returncode == 0, done.stderr
    for module in modules:
        assert Path(importlib.util.cache_from_source(str(module))).is_file()


def test_only_missing_debian_packages_are_installed(programs, copied):
    programs.add("dpkg-query", '[[ "${@: -1}" == curl ]] && echo "ii "')
    programs.add("apt-get")
    folder = copied("scripts/setup/debian.sh")
    as_root = programs.run("bash", "-c", "EUID_IS=$EUID; echo $EUID_IS", cwd=folder).stdout.strip() == "0"
    done = programs.run("scripts/setup/debian.sh", "curl", "nginx", "haproxy", cwd=folder)
    installed = [call for call in programs.calls() if call.startswith("apt-get install")]
    if as_root:
        assert installed == ["apt-get install -qq --no-install-recommends nginx haproxy"]
    else:
        assert done.returncode == 1
        assert "apt-get install nginx haproxy" in done.stderr
        assert not installed


def test_when_all_debian_packages_are_there_nothing_is_asked_of_apt(programs, copied):
    programs.add("dpkg-query", 'echo "ii "')
    programs.add("apt-get")
    done = programs.run("scripts/setup/debian.sh", "curl", "nginx", cwd=copied("scripts/setup/debian.sh"))
    assert done.returncode == 0
    assert not [call for call in programs.calls() if call.startswith("apt-get")]


def refused_model(programs, copied) -> Path:
    """A project whose set-up is done, on a machine that is refused the download of the model and has no npm."""
    folder = copied(
        "Makefile",
        "requirements.lock",
        "requirements-model.lock",
        "protocol/pyproject.toml",
        "clients/python/pyproject.toml",
        "service/pyproject.toml",
        "service/oricode_service/tools/abaplint/package-lock.json",
        "scripts/setup/python.sh",
        "scripts/setup/model.sh",
        "scripts/setup/abap.sh",
    )
    (folder / ".venv/bin").mkdir(parents=True)
    (folder / ".venv/.set-up").touch()
    for name in ("uv", "oricode"):
        programs.add(name, 'echo "$@" >&2', exit_code=1 if name == "uv" else 0).rename(folder / ".venv/bin" / name)
    programs.add("npm", exit_code=1)
    return folder


def test_a_refused_download_of_the_model_is_visible_and_the_service_starts_all_the_same(programs, copied):
    folder = refused_model(programs, copied)
    done = programs.run("make", "serve", "ARGS=--port 1234", cwd=folder)
    assert done.returncode == 0
    assert "The local model could not be installed" in done.stderr
    assert "The ABAP checker could not be installed" in done.stderr
    assert programs.calls()[-1] == "oricode serve --port 1234"


def test_asked_for_by_itself_a_refused_model_is_a_failure(programs, copied):
    done = programs.run("make", "model", cwd=refused_model(programs, copied))
    assert done.returncode != 0
    assert "The local model could not be installed" in done.stderr
