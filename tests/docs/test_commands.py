"""Every command of every document works: it is run here, or by a part of CI or a test named here with a reason.

A new command in a document is run as it stands, in a folder of its own beside a service on a free port; when that is
not possible it must be listed, or this fails.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import pytest
import pytest_asyncio
from clients.real_service import RealService
from docs.pages import PROJECT, Command, commands, pages
from oricode_client import OricodeClient

PATIENCE = 90.0
CI = (PROJECT / ".ci" / "run").read_text()
SESSION = pytest.mark.asyncio(loop_scope="session")

ELSEWHERE: list[tuple[str, str, str]] = [
    # What, by whom (a verb that CI calls, or a file of tests), and why not here.
    (r"make serve$", "tests/docs/test_commands.py", "by a test of its own below, because it does not end by itself"),
    (r"make (test|check|lint|types|stale|setup|model|abap|help)\b", "check", "would run this very test"),
    (r"make schema", "tests/protocol/test_schema.py", "writes files; `make stale` in `make check` compares them"),
    (r"make (pages|pages-check|pages-test)\b", "pages-test", "needs a browser"),
    (r"make (vscode-test|vscode-package)\b", "vscode-test", "needs its npm packages"),
    (r"make vscode-e2e", "vscode-e2e", "installs an editor"),
    (r"make eclipse-", "eclipse-e2e", "installs Eclipse; this verb does the others first"),
    (r"make java-", "java-test", "needs a JDK and Maven"),
    (r"make ts-", "ts-test", "needs its npm packages"),
    (r"(cd clients/typescript && )?npm ", "ts-test", "needs its npm packages"),
    (r"make faults", "faults", "takes minutes"),
    (r"make rolling", "rolling", "takes minutes"),
    (r"make (cluster|chaos)", "tests/cluster/test_take_over.py", "takes minutes; by hand before a release"),
    (
        r"make (goals|autobahn|encoder|surface|fuzz|hostile|storm|heartbeats|stalled|dead-peers|full-disk|disk-faults"
        r"|injected)\b",
        "bench/goals/__init__.py",
        "measures for minutes; by hand before a release",
    ),
    (r"make bench", "bench/__main__.py", "measures for minutes; by hand before a release"),
    (r"make (image-check|dist)", "image-check", "builds everything anew"),
    (r"docker |curl .*:8080", "image-check", "needs Docker; the same steps are run without it"),
    (r"\S*python -m bench\.faults\.old_client", "tests/faults/test_everything.py", "takes its 20 minutes"),
    (r"\S*python -m bench\.faults\.slow_reader", "bench/faults/slow_reader.py", "measures for minutes; by hand"),
    (r"\S*python -m bench\b", "bench/__main__.py", "measures for minutes; by hand before a release"),
    (r"\S*oricode doctor", "tests/clients/test_doctor.py", "watches a path for more than a minute"),
    (r"\S*oricode mcp check", "tests/tools/test_mcp_config.py", "needs MCP servers"),
    (r"kill -USR2", "tests/faults/test_handover.py", "leaves another process behind"),
    (r"systemctl ", "tests/operate/test_unit.py", "needs systemd as the machine's first process"),
]

STOPPED = r"\S*oricode (restore|import-chats)"
"""Need a data directory that nobody serves."""
FILL = {
    r"(?<!\$)\bRUN\b": "$RUN",
    r"(?<!\$)\bURL\b": "$ORICODE_URL",
    r"\bID\b$": "$KEY_ID",
    "…": "Hello!",
    r"\bFILE\.jsonl\b": "old-chats.jsonl",
    r"\bFILE\b": "today.db",
    r"\bDIR\b": "filled",
    r"--user U\b": "--user anna",
}
"""What a reader puts into the place of capital words."""


class World(NamedTuple):
    """Where commands are run."""

    folder: Path
    environment: dict[str, str]


async def shell(world: World, script: str, **more: str) -> tuple[int, str]:
    """Exit code and output."""
    process = await asyncio.create_subprocess_exec(
        "bash", "-euo", "pipefail", "-c", script,
        cwd=world.folder, env=world.environment | more, stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip
    try:
        async with asyncio.timeout(PATIENCE):
            output, _ = await process.communicate()
    except TimeoutError:
        os.killpg(process.pid, signal.SIGKILL)
        return -1, "did not end"
    return process.returncode or 0, output.decode("utf-8", "replace")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """The project's folder as far as commands see it, a service with its data in it, and an ended run."""
    folder = tmp_path_factory.mktemp("project")
    for name in (".venv", "bench", "deploy", "tests", "clients"):
        (folder / name).symlink_to(PROJECT / name)
    old = '{"chat_id": "c-17", "title": "Orders", "messages": [{"role": "user", "content": "Hi"}, '
    (folder / "old-chats.jsonl").write_text(old + '{"role": "assistant", "content": "Ho"}]}\n')
    async with RealService(folder / "data", ORICODE_MODEL="echo") as service:
        async with OricodeClient(service.url, service.key) as client, client.chat("Hello!") as run:
            ids = [wire.id async for wire in run.wires() if wire.id]
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("ORICODE_", "MAKE"))}
        environment = {
            "PATH": f"{PROJECT / '.venv' / 'bin'}:{os.environ['PATH']}",
            "ORICODE_URL": service.url,
            "ORICODE_KEY": service.key,
            "RUN": ids[0].split(".")[0],
            "LAST_ID": ids[0],
        }
        made = World(folder, clean | environment)
        code, key = await shell(made, "oricode keys create --user anna --data-dir data")
        assert code == 0, key
        yield World(folder, made.environment | {"KEY_ID": key.strip().split("_")[1]})


def listed(command: Command) -> tuple[str, str, str] | None:
    return next((entry for entry in ELSEWHERE if re.match(entry[0], command.text)), None)


ALL = [command for page in pages() for command in commands(page)]
HERE = [command for command in ALL if listed(command) is None]


@SESSION
@pytest.mark.parametrize("command", HERE, ids=str)
async def test_the_command_does_what_it_is_shown_for(world: World, command: Command) -> None:
    text = command.text.replace("http://127.0.0.1:8000", world.environment["ORICODE_URL"])
    for word, filling in FILL.items():
        text = re.sub(word, lambda _, filling=filling: filling, text)
    if text.startswith("oricode "):
        text = ".venv/bin/" + text
    more = {}
    if re.match(STOPPED, command.text):
        text = f".venv/bin/oricode backup today.db --data-dir data >/dev/null; {text}"
        more = {"ORICODE_DATA_DIR": "stopped"}
    code, output = await shell(world, text, **more)
    assert code == 0, output
    if "curl" in text:
        assert '"code"' not in output, output
        assert "event: done" in output or '"completed"' in output, output


@pytest.mark.parametrize("entry", ELSEWHERE, ids=lambda entry: entry[0])
def test_what_is_run_elsewhere_really_is(entry: tuple[str, str, str]) -> None:
    pattern, where, why = entry
    if "/" in where:
        assert (PROJECT / where).exists(), where
    else:
        assert re.search(rf"^(part|verb|shown) \d+ .*\b{where}\b", CI, re.MULTILINE), f"CI does not call make {where}"
    assert len(why) > 10
    assert any(re.match(pattern, command.text) for command in ALL) or pattern.startswith("make"), "nobody shows this"


def test_a_command_that_fails_is_noticed_and_so_is_one_that_nobody_listed() -> None:
    """The control: what a careless author might write is neither listed nor passes."""
    for text in ("oricode serv --port 1", "curl http://127.0.0.1:8000/api/nothing", "make nothing"):
        assert listed(Command("README.md", text)) is None


@SESSION
async def test_make_serve_starts_a_service_that_says_where_it_is(tmp_path: Path) -> None:
    """The first of the two commands, on the installation that is there."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("ORICODE_", "MAKE"))}
    process = await asyncio.create_subprocess_exec(
        "make", "serve", f"ARGS=--port 0 --data-dir {tmp_path} --model echo", cwd=PROJECT, env=environment,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip
    assert process.stdout is not None
    said = ""
    try:
        async with asyncio.timeout(300):
            while "Try it" not in said:
                line = (await process.stdout.readline()).decode()
                assert line, said
                said += line
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        async with asyncio.timeout(30):
            await process.communicate()
    assert re.search(r"address +http://127\.0\.0\.1:\d+", said)
    assert re.search(r"key +ok_\S+", said)
