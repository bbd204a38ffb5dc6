"""Backup and restore of SQLite, where the command line cannot look: writes in the middle, and a damaged database."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from oricode_service.store.sqlite import backup as backup_module
from oricode_service.store.sqlite import open_store
from oricode_service.store.sqlite.backup import backup, restore
from store.made import ended, message, records, started

STEPS = 10_000
"""More than a small database has pages."""


async def test_a_backup_ends_and_is_of_one_moment_although_the_service_never_stops_writing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = await open_store(tmp_path / "data", "one")
    run = await started(store)
    await store.log.commit(records(run, 1, 100, size=1000), [message(run)])
    other = sqlite3.connect(tmp_path / "data" / "oricode.db", isolation_level=None)
    steps = 0

    def write(status: int, remaining: int, total: int) -> None:
        nonlocal steps
        steps += 1
        assert steps < STEPS, "it begins again and again"
        other.execute("insert or replace into meta values ('written', ?)", (str(steps),))

    class Source(sqlite3.Connection):
        def backup(self, target: sqlite3.Connection, **options: Any) -> None:
            super().backup(target, progress=write, **options)

    def opened(data_dir: Path, **_: Any) -> sqlite3.Connection:
        return sqlite3.connect(data_dir / "oricode.db", isolation_level=None, factory=Source)

    monkeypatch.setattr(backup_module, "connect", opened)
    monkeypatch.setattr(backup_module, "PAGES_AT_ONCE", 1, raising=False)
    backup(tmp_path / "data", tmp_path / "copy.db")
    other.close()
    copy = sqlite3.connect(tmp_path / "copy.db")
    assert copy.execute("select count(*) from event").fetchone() == (100,)
    assert copy.execute("select value from meta where key = 'written'").fetchone() is None
    copy.close()
    await store.close()


@pytest.mark.parametrize("damage", ["head", "middle"])
async def test_a_damaged_database_is_replaced_by_its_backup(tmp_path: Path, damage: str) -> None:
    """That is what it was made for."""
    data, file = tmp_path / "data", tmp_path / "copy.db"
    store = await open_store(data, "one")
    run = await started(store)
    await store.log.append(records(run, 1, 50, size=1000))
    await ended(store, run, 51)
    await store.close()
    backup(data, file)
    place = data / "oricode.db"
    content = bytearray(place.read_bytes())
    at = 0 if damage == "head" else 4096
    content[at : at + 4096] = b"\xaa" * 4096
    place.write_bytes(content)
    former = restore(file, data)
    assert former is not None
    assert former.read_bytes() == content
    following = await open_store(data, "next")
    assert (await following.runs.get(run.id, None)).last_seq == 51
    await following.close()
