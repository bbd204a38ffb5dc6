"""Programs in SQLite keep the promises of the port."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from oricode_service.store.sqlite import open_store
from oricode_service.tools.programs import Programs
from tools.programs_contract import ProgramsContract


class TestSqlitePrograms(ProgramsContract):
    @pytest.fixture
    async def programs(self, tmp_path: Path) -> AsyncIterator[Programs]:
        store = await open_store(tmp_path, "tests")
        yield store.programs
        await store.close()

    async def test_what_was_stored_is_there_after_a_restart(self, tmp_path: Path) -> None:
        store = await open_store(tmp_path, "one")
        await self.put(store.programs, 0, 1, "a")
        await store.close()
        again = await open_store(tmp_path, "two")
        program = await again.programs.program("anna", "ZFOO")
        assert program is not None
        assert program.source == "a"
        await again.close()
