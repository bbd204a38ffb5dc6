"""The walls of the house: which package may import which, and where frameworks, JSON and framing may be known."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = (ROOT / "service", "oricode_service"), (ROOT / "protocol", "oricode_protocol")
_STORE_PORT = ("oricode_service.store.port", "oricode_service.store.rows", "oricode_service.store.patience")

MAY_IMPORT: dict[str, tuple[str, ...]] = {
    "log": _STORE_PORT,
    "engine": ("oricode_service.log", *_STORE_PORT, "oricode_service.models.port", "oricode_service.tools.port"),
    "models": (),
    "tools": (),
    "store": ("oricode_service.tools.programs",),
    "access": _STORE_PORT,
    "prompts": (),
    "transports": (
        "oricode_service.engine.runs",
        "oricode_service.engine.observer",
        "oricode_service.engine.tracing",
        "oricode_service.log",
        "oricode_service.access",
        *_STORE_PORT,
    ),
}
"""Package of the service -> what it may import of the others, beside itself and the protocol."""

KNOWN_ONLY_TO: dict[str, tuple[str, ...]] = {
    "starlette": ("oricode_service.transports.*", "oricode_service.web", "oricode_service.app"),
    "uvicorn": ("oricode_service.transports.server.*",),
    "websockets": ("oricode_service.transports.server.*",),
    "httptools": ("oricode_service.transports.server.*", "oricode_service.models.http_answer"),
    "anthropic": ("oricode_service.models.anthropic_sdk",),
    "asyncpg": ("oricode_service.store.postgres.*",),
    "sqlite3": (
        "oricode_service.store.sqlite",
        "oricode_service.store.sqlite.*",
        "oricode_service.commands.place",
        "oricode_service.commands.backup",
    ),
    "mcp": ("oricode_service.tools.mcp.*",),
    "opentelemetry": ("oricode_service.observe.spans", "oricode_service.observe.traces"),
    "click": ("oricode_service.cli", "oricode_service.commands.*"),
    # Several instances count requests together: the port says so by the library's own type.
    "limits": ("oricode_service.access.limits", "oricode_service.store.port", "oricode_service.store.postgres.counts"),
    "json": ("oricode_protocol.codec",),
    # The wire's JSON is the codec's alone. These read or write JSON that never crosses the wire as an event or an
    # answer: a tool's input shown to a schema, files of their own, the pipe to a checker's child process.
    "orjson": (
        "oricode_protocol.codec",
        "oricode_protocol.schema",
        "oricode_service.tools.inputs",
        "oricode_service.tools.mcp.config",
        "oricode_service.tools.mcp.results",
        "oricode_service.tools.syntax.*",
        "oricode_service.tools.targets.directory",
    ),
}
"""Library -> the modules that may import it."""

NO_NOUNS = {"utils", "util", "helpers", "helper", "common", "shared", "misc"}
MAX_LINES = 400


class Imported(NamedTuple):
    """One import: who, what, and where in the file."""

    module: str
    name: str
    line: int

    def __str__(self) -> str:
        return f"{self.module} imports {self.name} (line {self.line})"


def modules() -> Iterator[tuple[str, Path]]:
    for base, package in SOURCES:
        for path in sorted((base / package).rglob("*.py")):
            parts = path.relative_to(base).with_suffix("").parts
            yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


@cache
def imports() -> tuple[Imported, ...]:
    """Every import of the service and the protocol, those inside functions too, relative ones resolved."""
    return tuple(found for module, path in modules() for found in imports_of(module, path))


def imports_of(module: str, path: Path) -> Iterator[Imported]:
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Imported(module, alias.name, node.lineno)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            for alias in node.names:
                yield Imported(module, f"{base}.{alias.name}", node.lineno)


def is_in(name: str, *packages: str) -> bool:
    return any(name == package or name.startswith(package + ".") for package in packages)


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_imports_point_one_way(package: str) -> None:
    own = f"oricode_service.{package}"
    allowed = (own, *MAY_IMPORT[package])
    wrong = [
        str(found)
        for found in imports()
        if is_in(found.module, own) and is_in(found.name, "oricode_service") and not is_in(found.name, *allowed)
    ]
    assert not wrong


def test_the_protocol_knows_nothing_of_the_service_nor_of_io() -> None:
    refused = ("oricode_service", "asyncio", "socket", "starlette", "uvicorn", "threading", "http", "urllib")
    wrong = [str(f) for f in imports() if is_in(f.module, "oricode_protocol") and is_in(f.name, *refused)]
    assert not wrong


def test_the_protocol_needs_one_library() -> None:
    outside = {
        found.name.split(".")[0] for found in imports() if is_in(found.module, "oricode_protocol")
    } - sys.stdlib_module_names
    assert outside <= {"orjson", "oricode_protocol"}


@pytest.mark.parametrize("library", KNOWN_ONLY_TO)
def test_a_library_is_known_only_where_it_belongs(library: str) -> None:
    allowed = KNOWN_ONLY_TO[library]
    using = [found for found in imports() if is_in(found.name, library)]
    wrong = [str(f) for f in using if not any(fnmatchcase(f.module, place) for place in allowed)]
    assert not wrong


def test_only_the_composition_root_knows_the_implementations_of_ports() -> None:
    """``settings`` reads no implementation, transports no store, and nobody but the root builds one."""
    implementations = (
        "oricode_service.store.sqlite",
        "oricode_service.store.postgres",
        "oricode_service.models.router",
    )
    roots = ("oricode_service.app", "oricode_service.banner", "oricode_service.commands", "oricode_service.store")
    wrong = [str(f) for f in imports() if is_in(f.name, *implementations) and not is_in(f.module, *roots)]
    assert not wrong


def test_nothing_below_the_root_imports_the_root() -> None:
    tops = ("oricode_service.app", "oricode_service.web", "oricode_service.toolbox", "oricode_service.banner")
    above = (*tops, "oricode_service.commands", "oricode_service.cli")
    wrong = [str(f) for f in imports() if is_in(f.name, *tops) and not is_in(f.module, *above)]
    assert not wrong


def test_events_are_framed_in_the_protocol_package_alone() -> None:
    """No literal of the service holds the field names of server-sent events; one module reads the upstream's."""
    wrong = []
    for module, path in modules():
        if is_in(module, "oricode_protocol", "oricode_service.models.anthropic_stream"):
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, (str, bytes)):
                text = node.value if isinstance(node.value, str) else node.value.decode("latin-1")
                if any(text.startswith((f"{field}: ", f"\n{field}: ")) for field in ("data", "event", "retry", "id")):
                    wrong.append(f"{module}:{node.lineno}")
    assert not wrong


def test_no_file_is_longer_than_people_read() -> None:
    folders = (ROOT / "service", ROOT / "protocol", ROOT / "clients" / "python")
    long = {
        str(path.relative_to(ROOT)): lines
        for folder in folders
        for path in folder.rglob("*.py")
        if (lines := len(path.read_text("utf-8").splitlines())) > MAX_LINES
    }
    assert not long


def test_every_module_says_what_it_is_for() -> None:
    silent = [
        module
        for module, path in modules()
        if path.read_text("utf-8").strip() and not ast.get_docstring(ast.parse(path.read_text("utf-8")))
    ]
    assert not silent


def test_modules_are_named_after_a_noun_of_the_domain() -> None:
    assert not [module for module, _ in modules() if NO_NOUNS & set(module.split("."))]


def test_the_rules_would_notice_a_breach(tmp_path: Path) -> None:
    """The control: what the parser must find, in every form an import can take."""
    source = tmp_path / "breach.py"
    source.write_text(
        "import starlette.requests\nfrom ..store.sqlite import open_store\nfrom .. import app\n"
        "def later():\n    from anthropic import AsyncAnthropic\n"
    )
    found = {name for _, name, _ in imports_of("oricode_service.engine.breach", source)}
    assert found == {
        "starlette.requests",
        "oricode_service.store.sqlite.open_store",
        "oricode_service.app",
        "anthropic.AsyncAnthropic",
    }
