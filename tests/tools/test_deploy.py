"""``mcp_deploy_stored_code`` into the directory target."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import orjson
import pytest
from oricode_service.tools.deploy import DeployStoredCode
from oricode_service.tools.port import Step
from oricode_service.tools.programs import Deployment
from oricode_service.tools.targets import directory
from oricode_service.tools.targets.directory import DirectoryTarget
from oricode_service.tools.targets.port import Job, TargetFailed
from tools.memory_programs import MemoryPrograms
from tools.playing import call_of, play, result, run

SOURCE = "REPORT zfoo.\r\nWRITE 'Grüße'.\n"
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "deployed"


@pytest.fixture
def target(root: Path) -> DirectoryTarget:
    return DirectoryTarget(root, clock=lambda: NOON, lock_limit=0.2)


@pytest.fixture
def deploy(programs: MemoryPrograms, target: DirectoryTarget) -> DeployStoredCode:
    return DeployStoredCode(programs, {"directory": target}, "directory", clock=lambda: 1000)


async def put(programs: MemoryPrograms, *chunks: str, name: str = "ZFOO") -> None:
    for index, chunk in enumerate(chunks):
        await programs.put_chunk("anna", name, index=index, total=len(chunks), code=chunk, language=None)


def job(source: str = SOURCE, key: str = "toolu_1", name: str = "ZFOO") -> Job:
    return Job("anna", name, "abap", source, sha256(source.encode()).hexdigest(), key)


def manifest(root: Path, program: str = "zfoo") -> dict[str, object]:
    read: dict[str, object] = orjson.loads((root / "anna" / program / "manifest.json").read_bytes())
    return read


async def test_the_deployed_file_equals_the_chunks_byte_for_byte(
    deploy: DeployStoredCode, programs: MemoryPrograms, root: Path
) -> None:
    await put(programs, SOURCE[:7], SOURCE[7:20], SOURCE[20:])
    steps, outcome = await run(deploy, {"program": "ZFOO"})
    assert steps == [
        Step("Deploying code to SAP...", "deployment", percent=100),
        Step("Creating ZFOO...", "deployment", current=1, total=4),
        Step("Locking ZFOO...", "deployment", current=2, total=4),
        Step("Writing ZFOO...", "deployment", current=3, total=4),
        Step("Activating ZFOO...", "deployment", current=4, total=4),
    ]
    assert outcome.status == "ok"
    assert outcome.summary == "ZFOO deployed to directory, version 1"
    assert (root / "anna" / "zfoo" / "zfoo.prog.abap").read_bytes() == SOURCE.encode()
    assert manifest(root) == {
        "name": "ZFOO",
        "language": "abap",
        "file": "zfoo.prog.abap",
        "version": 1,
        "sha256": sha256(SOURCE.encode()).hexdigest(),
        "tool_call_id": "toolu_1",
        "at": "2026-11-23T12:00:00.000+00:00",
    }
    program = await programs.program("anna", "ZFOO")
    assert program is not None
    assert program.deployed == (Deployment("directory", 1, program.sha256, "toolu_1", 1000),)


async def test_each_deployment_is_the_next_version(
    deploy: DeployStoredCode, programs: MemoryPrograms, root: Path
) -> None:
    await put(programs, SOURCE)
    await result(deploy, {"program": "ZFOO"})
    await put(programs, SOURCE + "WRITE 1.\n")
    outcome = await result(deploy, {"program": "zfoo", "target": "directory"}, key="toolu_2")
    assert "version 2" in outcome.content
    assert (root / "anna" / "zfoo" / "zfoo.prog.abap").read_bytes() == (SOURCE + "WRITE 1.\n").encode()
    assert sorted(os.listdir(root / "anna" / "zfoo")) == [".lock", "manifest.json", "zfoo.prog.abap"]


async def test_the_same_call_again_is_not_a_new_version(deploy: DeployStoredCode, programs: MemoryPrograms) -> None:
    await put(programs, SOURCE)
    await result(deploy, {"program": "ZFOO"})
    outcome = await result(deploy, {"program": "ZFOO"})
    assert outcome.status == "ok"
    assert "version 1" in outcome.content
    assert "This call had deployed it before" in outcome.content


@pytest.mark.parametrize(
    ("name", "source", "file"),
    [
        ("ZCL_X", "CLASS zcl_x DEFINITION\n  PUBLIC FINAL.\nENDCLASS.", "zcl_x/zcl_x.clas.abap"),
        ("ZIF_X", "INTERFACE zif_x PUBLIC.\nENDINTERFACE.", "zif_x/zif_x.intf.abap"),
        ("/ACME/ZFOO", "REPORT /acme/zfoo.", "#acme#zfoo/#acme#zfoo.prog.abap"),
        ("ZFOO", "REPORT zfoo.\nCLASS lcl DEFINITION.\nENDCLASS.", "zfoo/zfoo.prog.abap"),
        ("config.json", "{}", "config.json/config.json"),
        ("VALUES", '{"a": 1}', "values/values.json"),
    ],
)
async def test_files_are_named_after_what_they_hold(
    deploy: DeployStoredCode, programs: MemoryPrograms, root: Path, name: str, source: str, file: str
) -> None:
    await put(programs, source, name=name)
    await result(deploy, {"program": name})
    assert (root / "anna" / file).read_text() == source


async def test_an_object_that_changed_its_kind_leaves_no_old_file(target: DirectoryTarget, root: Path) -> None:
    await drain(target, job("REPORT zfoo."))
    await drain(target, job("CLASS zfoo DEFINITION PUBLIC.\nENDCLASS.", key="toolu_2"))
    assert sorted(os.listdir(root / "anna" / "zfoo")) == [".lock", "manifest.json", "zfoo.clas.abap"]


async def test_an_incomplete_program_is_refused_with_the_missing_chunks(
    deploy: DeployStoredCode, programs: MemoryPrograms, root: Path
) -> None:
    await programs.put_chunk("anna", "ZFOO", index=0, total=3, code="x", language=None)
    steps, outcome = await run(deploy, {"program": "ZFOO"})
    assert [step.percent for step in steps] == [100]
    assert outcome.status == "error"
    assert "1 of 3 chunks are stored, missing are chunk_index 1-2" in outcome.content
    assert not root.exists()


async def test_a_file_system_that_refuses_is_an_error(
    deploy: DeployStoredCode, programs: MemoryPrograms, root: Path
) -> None:
    root.parent.mkdir(exist_ok=True)
    root.write_text("a file where the folder should be")
    await put(programs, SOURCE)
    outcome = await result(deploy, {"program": "ZFOO"})
    assert outcome.status == "error"
    assert outcome.content == "ZFOO was not deployed to directory: the folder could not be made: Not a directory."


async def test_a_deployment_in_another_process_is_waited_for_and_then_refused(
    deploy: DeployStoredCode, programs: MemoryPrograms, target: DirectoryTarget, root: Path
) -> None:
    await drain(target, job())
    await put(programs, SOURCE + "WRITE 1.\n")
    holder = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "import fcntl, sys\nf = open(sys.argv[1])\nfcntl.flock(f, fcntl.LOCK_EX)\nprint('locked', flush=True)\ninput()",
        str(root / "anna" / "zfoo" / ".lock"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdout is not None
    async with asyncio.timeout(20):
        assert await holder.stdout.readline() == b"locked\n"
    outcome = await result(deploy, {"program": "ZFOO"}, key="toolu_2")
    assert (outcome.status, "still going on" in outcome.content) == ("error", True)
    await holder.communicate(b"\n")
    assert (await result(deploy, {"program": "ZFOO"}, key="toolu_2")).status == "ok"


async def test_parallel_deployments_of_one_program_get_a_version_each(root: Path) -> None:
    target = DirectoryTarget(root)
    await asyncio.gather(*(drain(target, job(f"REPORT z{n}.", key=f"toolu_{n}")) for n in range(5)))
    assert manifest(root)["version"] == 5
    file = (root / "anna" / "zfoo" / "zfoo.prog.abap").read_bytes()
    assert manifest(root)["sha256"] == sha256(file).hexdigest()


async def test_a_damaged_manifest_is_not_overwritten(target: DirectoryTarget, root: Path) -> None:
    await drain(target, job())
    (root / "anna" / "zfoo" / "manifest.json").write_text('{"version": 7')
    with pytest.raises(TargetFailed, match="the manifest of ZFOO is damaged"):
        await drain(target, job(key="toolu_2"))


class TestReconcile:
    """After a kill: did the deployment of this call happen?"""

    async def test_one_that_happened_is_found(self, deploy: DeployStoredCode, programs: MemoryPrograms) -> None:
        await put(programs, SOURCE)
        await result(deploy, {"program": "ZFOO"})
        outcome = await deploy.reconcile(call_of({"program": "ZFOO"}))
        assert outcome is not None
        assert (outcome.status, outcome.summary) == ("ok", "ZFOO already deployed to directory, version 1")

    async def test_one_that_never_began_is_not(self, deploy: DeployStoredCode, programs: MemoryPrograms) -> None:
        await put(programs, SOURCE)
        assert await deploy.reconcile(call_of({"program": "ZFOO"})) is None

    async def test_an_older_source_at_the_target_is_not_this_deployment(
        self, deploy: DeployStoredCode, programs: MemoryPrograms
    ) -> None:
        await put(programs, SOURCE)
        await result(deploy, {"program": "ZFOO"})
        await put(programs, SOURCE + "WRITE 1.\n")
        assert await deploy.reconcile(call_of({"program": "ZFOO"}, key="toolu_2")) is None

    async def test_an_unknown_target_or_program_cannot_be_told(
        self, deploy: DeployStoredCode, programs: MemoryPrograms
    ) -> None:
        assert await deploy.reconcile(call_of({"program": "ZNONE"})) is None
        await put(programs, SOURCE)
        assert await deploy.reconcile(call_of({"program": "ZFOO", "target": "removed"})) is None

    @pytest.mark.parametrize("cut", ["create", "write_source", "write_manifest"])
    async def test_a_deployment_cut_between_any_two_writes_is_told_right(
        self,
        deploy: DeployStoredCode,
        programs: MemoryPrograms,
        root: Path,
        monkeypatch: pytest.MonkeyPatch,
        cut: str,
    ) -> None:
        """Cut before ``cut``: only from the written source on can the target prove that it arrived."""
        await put(programs, SOURCE)
        await result(deploy, {"program": "ZFOO"})
        await put(programs, SOURCE + "WRITE 1.\n")

        class Killed(BaseException):
            pass

        def die(*_: object) -> None:
            raise Killed

        with monkeypatch.context() as patched:
            patched.setattr(directory._Place, cut, die)
            with pytest.raises(Killed):
                await result(deploy, {"program": "ZFOO"}, key="toolu_2")
        outcome = await deploy.reconcile(call_of({"program": "ZFOO"}, key="toolu_2"))
        if cut == "write_manifest":
            assert outcome is not None
            assert "version 2" in outcome.content
            assert (manifest(root)["version"], manifest(root)["tool_call_id"]) == (2, "toolu_2")
        else:
            assert outcome is None
            assert manifest(root)["version"] == 1


async def test_only_the_source_that_was_approved_is_deployed(
    deploy: DeployStoredCode, programs: MemoryPrograms, root: Path
) -> None:
    await put(programs, SOURCE)
    call = call_of({"program": "zfoo"})
    subject = await deploy.subject(call)
    assert sha256(SOURCE.encode()).hexdigest() in subject.told
    approved = replace(call, approved=subject.digest)
    await put(programs, SOURCE + "DELETE FROM usr02.\n")
    _, outcome = await play(deploy.run(approved))
    assert (outcome.status, "was changed after its deployment was approved" in outcome.content) == ("error", True)
    assert not root.exists()
    await put(programs, SOURCE)
    _, outcome = await play(deploy.run(approved))
    assert outcome.status == "ok"


async def test_an_approval_of_nothing_deploys_nothing_that_came_later(
    deploy: DeployStoredCode, programs: MemoryPrograms, root: Path
) -> None:
    call = call_of({"program": "ZFOO"})
    subject = await deploy.subject(call)
    await put(programs, SOURCE)
    _, outcome = await play(deploy.run(replace(call, approved=subject.digest)))
    assert outcome.status == "error"
    assert not root.exists()


async def drain(target: DirectoryTarget, one: Job) -> None:
    async with contextlib.aclosing(target.deploy(one)) as doing:
        async for _ in doing:
            pass
