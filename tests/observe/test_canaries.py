"""What people, models and tools write, and keys, stay where they belong."""

from __future__ import annotations

from pathlib import Path

import pytest
from observe.scenario import PROVIDER_KEY, WRITTEN, Left

pytestmark = pytest.mark.asyncio(loop_scope="session")


def secrets(left: Left) -> list[str]:
    """Keys and tickets, and the secret part of each key by itself."""
    return [*left.keys, *(key.rpartition("_")[2] for key in left.keys), *left.tickets, PROVIDER_KEY]


async def test_the_scenario_left_something_to_look_at(left: Left) -> None:
    """The control."""
    assert sum(line["logger"] == "oricode.requests" for line in left.log) > 30
    assert {line["level"] for line in left.log} >= {"debug", "info", "warning"}
    assert any("request" in line and "run" in line and "chat" in line and "user" in line for line in left.log)
    assert len(left.traces) > 10_000
    assert len(left.errors) > 15
    assert len(left.keys) == 3


@pytest.mark.parametrize("place", ["raw_log", "before", "after", "traces", "errors"])
async def test_neither_keys_nor_tickets_get_into(left: Left, place: str) -> None:
    held = str(getattr(left, place))
    assert [secret for secret in secrets(left) if secret in held] == []


@pytest.mark.parametrize("place", ["raw_log", "before", "after", "traces"])
async def test_nothing_that_anybody_wrote_gets_into(left: Left, place: str) -> None:
    held = str(getattr(left, place))
    assert [canary for canary in WRITTEN if canary in held] == []


async def test_errors_repeat_nothing_that_was_sent_but_names(left: Left) -> None:
    """The sentence of a refusal may quote a short name that cannot be used; prompts, code and answers never."""
    quoted = [canary for canary in WRITTEN if canary in str(left.errors)]
    assert set(quoted) <= {name for name in WRITTEN if "junk" in name or "upstream" in name}


async def test_the_data_directory_holds_hashes_of_keys_and_tickets_only(left: Left) -> None:
    held = _files(left.folder)
    assert [secret for secret in secrets(left) if secret.encode() in held] == []
    assert left.keys[0].split("_")[1].encode() in held, "the control: a key's public part is there"


async def test_the_data_directory_is_readable_by_its_owner_only(left: Left) -> None:
    """Also when the folder itself is not: the database, and what SQLite keeps beside it."""
    found = list(left.folder.glob("oricode.*"))
    assert len(found) >= 2
    assert [path for path in found if path.stat().st_mode & 0o077] == []


def _files(folder: Path) -> bytes:
    return b"\0".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())
