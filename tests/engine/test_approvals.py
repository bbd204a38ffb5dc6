"""What an approval is bound to: one call, its input, and what the call would act on when it was asked for."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from engine.world import ANNA, PATIENCE, Process, Tool, process
from oricode_protocol import codec
from oricode_service.models.script import Call, Say, Script
from oricode_service.store.rows import RunRow
from oricode_service.tools.port import Call as ToolCall
from oricode_service.tools.port import Subject

CHANGES = Script(((Say("I change it."), Call("change", {"what": "it"})), (Say("Good."),)), rate=100_000.0)


@dataclass(eq=False)
class Bound(Tool):
    """A tool whose input only names what it acts on."""

    state: str = "as it was"
    approved: list[str | None] = field(default_factory=list)

    async def subject(self, call: ToolCall) -> Subject:
        return Subject(self.state, f"It is {self.state}.")

    async def run(self, call: ToolCall) -> Any:
        self.approved.append(call.approved)
        async for said in super().run(call):
            yield said


async def asked(one: Process, run: RunRow) -> dict[str, Any]:
    """The question, once it is stored."""
    async with asyncio.timeout(PATIENCE):
        while True:
            for record in await one.events(run):
                if record.event == "approval_required":
                    question: dict[str, Any] = codec.loads(record.data)
                    return question
            await asyncio.sleep(0.01)


async def approve(one: Process, run: RunRow, question: dict[str, Any]) -> None:
    await one.engine.answer(ANNA.user, run.id, "approval", question["approval_id"], {"decision": "approve"})


async def statuses(one: Process, run: RunRow) -> list[str]:
    return [codec.loads(r.data)["status"] for r in await one.until_ended(run) if r.event == "tool_result"]


async def test_a_person_reads_what_the_call_acts_on_and_the_tool_is_told_what_she_approved(tmp_path: Path) -> None:
    tool = Bound()
    async with process(tmp_path, CHANGES, [tool], policy="ask") as one:
        run = await one.start(approvals=True)
        question = await asked(one, run)
        assert question["reason"] == "change needs a person's approval. It is as it was."
        await approve(one, run, question)
        assert await statuses(one, run) == ["ok"]
    assert tool.approved == ["as it was"]


async def test_what_changed_between_question_and_answer_does_not_run(tmp_path: Path) -> None:
    tool = Bound()
    async with process(tmp_path, CHANGES, [tool], policy="ask") as one:
        run = await one.start(approvals=True)
        question = await asked(one, run)
        tool.state = "something else"
        await approve(one, run, question)
        assert await statuses(one, run) == ["denied"]
    assert not tool.happened


async def test_a_restart_asks_nothing_anew_and_still_knows_what_was_shown(tmp_path: Path) -> None:
    tool = Bound()
    async with process(tmp_path, CHANGES, [tool], policy="ask") as one:
        run = await one.start(approvals=True)
        question = await asked(one, run)
    tool.state = "changed while nobody served"
    async with process(tmp_path, CHANGES, [tool], policy="ask") as two:
        await two.engine.recover("The service was restarted.")
        await approve(two, run, question)
        assert await statuses(two, run) == ["denied"]
        assert [r.event for r in await two.events(run)].count("approval_required") == 1
    assert not tool.happened


async def test_an_effect_that_had_begun_is_told_by_the_ledger_however_its_subject_changed(tmp_path: Path) -> None:
    tool = Bound()
    async with process(tmp_path, CHANGES, [tool], policy="ask", kill_at="call.after") as one:
        run = await one.start(approvals=True)
        await approve(one, run, await asked(one, run))
        async with asyncio.timeout(PATIENCE):
            await one.died.wait()
    tool.state = "changed by the call itself"
    async with process(tmp_path, CHANGES, [tool], policy="ask") as two:
        await two.engine.recover("The service was restarted.")
        assert await statuses(two, run) == ["unknown"]
    assert list(tool.happened.values()) == [1]


@pytest.mark.parametrize("tool", [Tool(), Bound()], ids=["of its input", "of its subject too"])
async def test_without_a_policy_nobody_is_asked(tmp_path: Path, tool: Tool) -> None:
    async with process(tmp_path, CHANGES, [tool]) as one:
        assert await statuses(one, await one.start(approvals=True)) == ["ok"]
    assert getattr(tool, "approved", [None]) == [None]
