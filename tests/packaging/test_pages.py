"""README and the pages beside it: links lead somewhere, commands do what is said."""

import asyncio
import os
import re
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
README = (PROJECT / "README.md").read_text()
PAGES = ["README.md", "CONTEXT.md", "CHANGELOG.md"]


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_to_a_file(page):
    for target in re.findall(r"\]\(([^)#:]+)\)", (PROJECT / page).read_text()):
        assert (PROJECT / target).exists(), target


def test_every_folder_and_setting_that_the_readme_names_exists():
    for folder in re.findall(r"`((?:protocol|service|clients|tests|docs)/[\w/]*)`", README):
        assert (PROJECT / folder).is_dir(), folder
    settings = (PROJECT / "docs/settings.md").read_text()
    for name in set(re.findall(r"\bORICODE_[A-Z_]+\b", README)) - {"ORICODE_KEY"}:
        assert f"`{name}`" in settings, name


def test_every_verb_that_the_readme_names_exists():
    for verb in set(re.findall(r"`?make ([a-z-]+)`?", README)):
        done = subprocess.run(["make", "--dry-run", verb], cwd=PROJECT, capture_output=True, timeout=60, check=False)
        assert done.returncode == 0, verb


@pytest.fixture
async def address(tmp_path: Path) -> AsyncIterator[str]:
    """A real service with the model that says what was said."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    oricode = Path(sys.executable).with_name("oricode")
    service = await asyncio.create_subprocess_exec(
        oricode, "serve", "--port", str(port), "--model", "echo", "--data-dir", tmp_path, stdout=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(60):
            while b"Try it" not in await service.stdout.readline():
                pass
        yield f"127.0.0.1:{port}"
    finally:
        service.terminate()
        async with asyncio.timeout(30):
            await service.wait()


async def shell(command: str, **variables: str) -> str:
    process = await asyncio.create_subprocess_shell(
        command, env=os.environ | variables, stdout=asyncio.subprocess.PIPE, cwd=PROJECT
    )
    async with asyncio.timeout(60):
        output, _ = await process.communicate()
    assert process.returncode == 0
    return output.decode()


async def test_the_readmes_commands_make_a_key_stream_an_answer_and_resume_it(address, tmp_path):
    blocks = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    chat, resume = (
        next(block for block in blocks if word in block).replace("127.0.0.1:8000", address)
        for word in ('"stream": true', "Last-Event-ID")
    )
    create = re.search(r"^(\S*oricode keys create .*)$", README, re.MULTILINE)[1]
    key = (await shell(f"{create} --data-dir {tmp_path}")).strip()

    stream = await shell(chat, ORICODE_KEY=key)
    assert "Hel" in stream
    assert stream.rstrip().splitlines()[-2] == "event: done"

    ids = re.findall(r"^id: (.*)$", stream, re.MULTILINE)
    rest = await shell(resume, ORICODE_KEY=key, RUN=ids[0].partition(".")[0], LAST_ID=ids[1])
    assert re.findall(r"^id: (.*)$", rest, re.MULTILINE) == ids[2:]
