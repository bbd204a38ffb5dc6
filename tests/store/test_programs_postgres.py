"""Programs in PostgreSQL keep the promises of the port."""

from __future__ import annotations

import pytest
from oricode_service.tools.programs import Programs
from tools.programs_contract import ProgramsContract


class TestPostgresPrograms(ProgramsContract):
    @pytest.fixture
    async def programs(self, database) -> Programs:
        store = await database.open()
        yield store.programs
        await store.close()

    async def test_what_was_stored_is_there_after_a_restart(self, database) -> None:
        store = await database.open()
        await self.put(store.programs, 0, 1, "a")
        await store.close()
        again = await database.open()
        assert (await again.programs.program("anna", "ZFOO")).source == "a"
        await again.close()
