"""The lock pins everything and names no place to get it from."""

import ast
import importlib.metadata
import re
import sys
import tomllib
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
LOCKS = ["requirements.lock", "requirements-model.lock"]
OURS = {"oricode-protocol", "oricode-client", "oricode-service"}


def pinned(name: str) -> dict[str, str]:
    lines = [line for line in (PROJECT / name).read_text().splitlines() if line and line.lstrip()[0] != "#"]
    pins = [re.fullmatch(r"([a-z0-9.-]+)==([^ ;]+)(?: ; .*)?", line) for line in lines]
    assert all(pins), [line for line, pin in zip(lines, pins, strict=True) if not pin]
    return {pin[1]: pin[2] for pin in pins if pin}


@pytest.mark.parametrize("name", LOCKS)
def test_every_package_has_an_exact_version_and_no_address_or_path(name):
    assert pinned(name)
    text = (PROJECT / name).read_text()
    assert not re.search(r"://|index-url|find-links|trusted-host|(?<!\w)/\w+/", text.replace("clients/python", ""))


def wanted() -> set[str]:
    names: list[str] = list(tomllib.loads((PROJECT / "pyproject.toml").read_text())["dependency-groups"]["dev"])
    for package in ("protocol", "clients/python", "service"):
        project = tomllib.loads((PROJECT / package / "pyproject.toml").read_text())["project"]
        names += project["dependencies"]
        for extra in project.get("optional-dependencies", {}).values():
            names += extra
    return {re.match(r"[A-Za-z0-9_.-]+", name)[0].lower().replace("_", "-") for name in names} - OURS


def test_every_dependency_of_the_workspace_is_locked():
    assert wanted() <= set(pinned("requirements.lock"))


def test_the_local_model_is_no_dependency_of_the_service():
    assert not set(pinned("requirements-model.lock")) & set(pinned("requirements.lock"))


def imported() -> dict[str, Path]:
    """Top-level modules that the Python code of the project imports, each with a file that does."""
    found: dict[str, Path] = {}
    for folder in ("protocol", "clients/python", "service", "tests", "bench"):
        for file in (PROJECT / folder).rglob("*.py"):
            if {"node_modules", "build", ".venv"} & set(file.parts):
                continue
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.Import):
                    found |= {alias.name.partition(".")[0]: file for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                    found[node.module.partition(".")[0]] = file
    return found


def test_whatever_the_code_imports_is_locked():
    """What somebody installed by hand would be missing in a clean clone."""
    locked = set(pinned("requirements.lock")) | set(pinned("requirements-model.lock")) | OURS
    providers = importlib.metadata.packages_distributions()
    sources = [*PROJECT.glob("tests/*"), *PROJECT.glob("tests/*/*.py"), *PROJECT.glob("bench/**/*.py")]
    ours = {path.stem for path in sources if ".venv" not in path.parts}
    ours |= {name.replace("-", "_") for name in OURS} | {"bench"}
    # Installed by `make pages-test` and by `make surface` and `make fuzz` alone.
    apart = set(pinned("tests/pages/requirements.txt")) | set(pinned("bench/goals/requirements.txt"))
    known = sys.stdlib_module_names | ours | apart
    missing = {
        f"{module} ({file.relative_to(PROJECT)})"
        for module, file in imported().items()
        if module not in known
        and not {name.lower().replace("_", "-").replace(".", "-") for name in providers.get(module, [])} & locked
    }
    assert not missing
