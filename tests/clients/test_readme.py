"""The README's examples, run as they stand there."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest
from clients.scripted_service import DROP, RUN, Act, Said, ScriptedService, connected, numbered, story
from oricode_client import OricodeClient

README = Path(__file__).parents[2] / "clients" / "python" / "README.md"
EXAMPLES = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)


def example(defines: str) -> Any:
    """The function ``defines`` of the example that has it."""
    (source,) = (code for code in EXAMPLES if f"def {defines}(" in code)
    names: dict[str, Any] = {}
    exec(compile(source, str(README), "exec"), names)
    return names[defines]


async def test_the_quickstart_prints_text_progress_and_reconnecting(
    service: ScriptedService, capsys: pytest.CaptureFixture[str]
) -> None:
    said = story("Hello ", "world")
    progress = Said("progress", {"type": "chunking", "message": "Storing chunk 3/8...", "progress": 37.5}, f"{RUN}.1.9")
    service.plays(Act(connected(), *said[:2], DROP), Act(connected("replay"), said[2], said[3], progress, said[4]))
    async with asyncio.timeout(10):
        await example("main")(service.url, "key")
    printed = capsys.readouterr().out
    assert "Hello \nReconnecting...\nworld" in printed
    assert "[37.5] Storing chunk 3/8..." in printed
    assert "completed" in printed


async def test_the_script_returns_the_answer(service: ScriptedService) -> None:
    service.plays(Act(connected(), *story("An answer")))
    async with asyncio.timeout(5):
        assert await asyncio.to_thread(example("script"), service.url, "key") == "An answer"


async def test_the_example_with_tools_offers_its_tool_and_denies(service: ScriptedService) -> None:
    asks = {"approval_id": "appr_1", "tool_call_id": "c", "reason": "r", "input_digest": "d", "expires_at": 1}
    said = story("ok")
    approval = numbered([("approval_required", asks)], 9)
    service.replies["POST", f"/api/runs/{RUN}/approvals/appr_1"] = [(200, {})]
    service.plays(Act(connected(), *said[:-1], *approval, said[-1]))
    async with asyncio.timeout(5), OricodeClient(service.url, "key") as client:
        await example("with_tools")(client)
    started, answered = service.asked
    assert [offered["name"] for offered in started.body["tools"]] == ["read_file"]
    assert answered.body == {"decision": "deny", "comment": "not from a script"}
