"""What every implementation of ``Programs`` promises. Subclass with a ``programs`` fixture."""

from __future__ import annotations

from oricode_service.tools.programs import Deployment, Programs, StoredState


class ProgramsContract:
    async def put(
        self, programs: Programs, index: int, total: int, code: str, *, user: str = "anna", language: str | None = None
    ) -> StoredState:
        return await programs.put_chunk(user, "ZFOO", index=index, total=total, code=code, language=language)

    async def test_chunks_in_any_order_are_joined_in_theirs(self, programs: Programs) -> None:
        await self.put(programs, 2, 3, "c")
        await self.put(programs, 0, 3, "a\n")
        state = await self.put(programs, 1, 3, "bé\r\n")
        assert state == StoredState(chunks=3, total=3, missing=(), change="added")
        program = await programs.program("anna", "ZFOO")
        assert program is not None
        assert (program.source, program.missing, program.complete) == ("a\nbé\r\nc", (), True)

    async def test_missing_chunks_are_named_until_they_come(self, programs: Programs) -> None:
        assert (await self.put(programs, 1, 4, "b")).missing == (0, 2, 3)
        program = await programs.program("anna", "ZFOO")
        assert program is not None
        assert (program.chunks, program.total, program.missing) == (1, 4, (0, 2, 3))

    async def test_the_same_chunk_again_changes_nothing(self, programs: Programs) -> None:
        await self.put(programs, 0, 2, "a")
        before = await programs.programs("anna")
        assert (await self.put(programs, 0, 2, "a")).change == "unchanged"
        assert await programs.programs("anna") == before

    async def test_another_text_replaces_the_chunk(self, programs: Programs) -> None:
        await self.put(programs, 0, 1, "a")
        assert (await self.put(programs, 0, 1, "b")).change == "replaced"
        program = await programs.program("anna", "ZFOO")
        assert program is not None
        assert program.source == "b"

    async def test_another_total_is_a_new_upload_that_keeps_the_deployments(self, programs: Programs) -> None:
        await self.put(programs, 0, 2, "a")
        await self.put(programs, 1, 2, "b")
        deployment = Deployment("directory", 1, "0" * 64, "toolu_1", at=5)
        await programs.set_deployed("anna", "ZFOO", deployment)
        assert await self.put(programs, 1, 3, "B") == StoredState(1, 3, (0, 2), "restarted")
        program = await programs.program("anna", "ZFOO")
        assert program is not None
        assert (program.source, program.deployed) == ("B", (deployment,))

    async def test_a_language_once_told_stays(self, programs: Programs) -> None:
        await self.put(programs, 0, 2, "a", language="python")
        await self.put(programs, 1, 2, "b")
        program = await programs.program("anna", "ZFOO")
        assert program is not None
        assert program.language == "python"

    async def test_a_language_corrected_with_an_unchanged_chunk_counts(self, programs: Programs) -> None:
        await self.put(programs, 0, 1, "a")
        assert (await self.put(programs, 0, 1, "a", language="json")).change == "unchanged"
        program = await programs.program("anna", "ZFOO")
        assert program is not None
        assert program.language == "json"

    async def test_programs_belong_to_their_user(self, programs: Programs) -> None:
        await self.put(programs, 0, 1, "a")
        assert await programs.program("bert", "ZFOO") is None
        assert await programs.programs("bert") == []
        await self.put(programs, 0, 1, "b", user="bert")
        hers = await programs.program("anna", "ZFOO")
        assert hers is not None
        assert hers.source == "a"

    async def test_the_list_has_every_program_by_name(self, programs: Programs) -> None:
        for name in ("ZB", "/ACME/ZA", "config.json"):
            await programs.put_chunk("anna", name, index=0, total=2, code="x", language=None)
        entries = await programs.programs("anna")
        assert [(entry.name, entry.chunks, entry.total) for entry in entries] == [
            ("/ACME/ZA", 1, 2),
            ("ZB", 1, 2),
            ("config.json", 1, 2),
        ]

    async def test_the_newest_deployment_of_each_target_is_remembered(self, programs: Programs) -> None:
        await self.put(programs, 0, 1, "a")
        await programs.set_deployed("anna", "ZFOO", Deployment("directory", 1, "0" * 64, "toolu_1", at=1))
        await programs.set_deployed("anna", "ZFOO", Deployment("sap-adt", None, "1" * 64, "toolu_2", at=2))
        newest = Deployment("directory", 2, "2" * 64, "toolu_3", at=3)
        await programs.set_deployed("anna", "ZFOO", newest)
        program = await programs.program("anna", "ZFOO")
        assert program is not None
        assert program.deployed == (newest, Deployment("sap-adt", None, "1" * 64, "toolu_2", at=2))

    async def test_a_deployment_of_a_program_that_is_gone_is_ignored(self, programs: Programs) -> None:
        await programs.set_deployed("anna", "ZGONE", Deployment("directory", 1, "0" * 64, "toolu_1", at=1))
        assert await programs.program("anna", "ZGONE") is None
