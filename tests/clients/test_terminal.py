"""``oricode chat`` and ``tail`` on a pseudo-terminal: what a person sees, and what their keys do."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from clients.pseudo_terminal import PseudoTerminal
from clients.real_service import RealService
from clients.scripted_service import (
    CHAT,
    DROP,
    HOLD,
    RUN,
    SILENCE,
    Act,
    Refusal,
    Said,
    ScriptedService,
    connected,
    numbered,
    story,
)

START = ("message_start", {"message": "m", "message_id": "msg_1", "turn": 1, "attempt": 1, "model": "scripted"})
AGAIN = ("message_start", {**START[1], "attempt": 2})
STOP = ("message_stop", {"message": "m", "message_id": "msg_1", "stop_reason": "end_turn"})
DONE = ("done", {"message": "Complete", "status": "completed", "usage": {"input_tokens": 1000, "output_tokens": 234}})
CANCELLED = ("done", {"message": "Cancelled", "status": "cancelled"})


def text(words: str) -> tuple[str, dict[str, Any]]:
    return "content", {"text": words, "index": 0}


def terminal(service: ScriptedService, *args: str) -> PseudoTerminal:
    return PseudoTerminal(*args, env={"ORICODE_URL": service.url, "ORICODE_KEY": "key"})


async def test_a_conversation_shows_markdown_a_bar_and_reconnecting(service: ScriptedService) -> None:
    bar = ("progress", {"type": "chunking", "message": "Storing chunk 3/8...", "progress": 37.5})
    said = numbered([START, text("## Plan\n\nFirst **this"), text("**, then that."), STOP, bar, DONE])
    service.plays(
        Act(connected(), *said[:2], DROP),
        Act(connected("replay"), said[2], Said("reconnect", {"after_ms": 400, "reason": "deploy"}), "end"),
        Act(connected("live"), *said[3:5], HOLD, said[5]),
    )
    async with terminal(service, "chat") as screen:
        await screen.prompts()
        screen.types("Plan it\n")
        await screen.shows("Reconnecting... The service closes the connection for a moment.")
        await screen.shows("37%")
        assert "Storing chunk 3/8..." in screen.text
        service.release.set()
        await screen.shows("✓ Complete · 1,234 tokens")
        assert "First this, then that." in screen.text
        assert "**" not in screen.text
        await screen.prompts()
        screen.presses_ctrl_d()
        assert await screen.exit_code() == 0


async def test_a_repeated_attempt_takes_back_what_it_said(service: ScriptedService) -> None:
    said = numbered([START, text("Wrong beginning"), AGAIN, text("Right answer"), STOP, DONE])
    service.plays(Act(connected(), *said))
    async with terminal(service, "chat", "hi") as screen:
        assert await screen.exit_code() == 0
        assert "Right answer" in screen.text
        assert "Wrong beginning" not in screen.text


async def test_ctrl_c_stops_the_run_and_the_conversation_goes_on(service: ScriptedService) -> None:
    said = numbered([START, text("Long"), CANCELLED])
    service.replies["POST", f"/api/runs/{RUN}/cancel"] = [(202, {"run_id": RUN, "status": "cancelling"})]
    service.plays(Act(connected(), *said[:2], HOLD, said[2]))
    async with terminal(service, "chat") as screen:
        await screen.prompts()
        screen.types("Talk\n")
        await screen.shows("Long")
        screen.presses_ctrl_c()
        await screen.shows("Stopping")
        await service.wait_until_asked(lambda asked: asked.path.endswith("/cancel"))
        service.release.set()
        await screen.shows("■ Stopped")
        await screen.prompts()
        screen.types("/quit\n")
        assert await screen.exit_code() == 0


async def test_ctrl_c_twice_leaves_and_says_how_to_come_back(service: ScriptedService) -> None:
    said = numbered([START, text("Long")])
    service.replies["POST", f"/api/runs/{RUN}/cancel"] = [(503, {"code": "restarting"})]
    service.plays(Act(connected(), *said, SILENCE))
    async with terminal(service, "chat", "Talk") as screen:
        await screen.shows("Long")
        screen.presses_ctrl_c()
        await screen.shows("Stopping")
        screen.presses_ctrl_c()
        assert await screen.exit_code() == 130
        assert f"oricode tail {RUN}" in screen.text


async def test_an_approval_is_shown_asked_and_sent(service: ScriptedService) -> None:
    writing = {"tool_call_id": "call_1", "name": "deploy", "partial_json": '{"program":"ZX"}', "index": 1}
    asks = {"approval_id": "appr_1", "tool_call_id": "call_1", "reason": "deploy changes a system"}
    required = ("approval_required", {**asks, "input_digest": "d", "expires_at": 9})
    resolved = ("approval_resolved", {"approval_id": "appr_1", "tool_call_id": "call_1", "decision": "approve"})
    said = numbered([START, ("tool_input", writing), STOP, required, resolved, DONE])
    path = f"/api/runs/{RUN}/approvals/appr_1"
    service.replies["POST", path] = [(200, {})]
    service.plays(Act(connected(), *said[:4], HOLD, *said[4:]))
    async with terminal(service, "chat") as screen:
        await screen.prompts()
        screen.types("Deploy\n")
        await screen.shows("Approve? [y/N]")
        assert 'deploy wants to run with {"program":"ZX"}' in screen.text
        assert "deploy changes a system" in screen.text
        screen.types("y\n")
        await service.wait_until_asked(lambda asked: asked.path == path)
        service.release.set()
        await screen.shows("Approval: given.")
        await screen.prompts()
        screen.presses_ctrl_d()
        assert await screen.exit_code() == 0
    assert [asked.body for asked in service.asked if asked.path == path] == [{"decision": "approve"}]
    assert service.asked[0].body["approvals"] is True


async def test_slash_commands_switch_the_transport_show_history_and_resume(service: ScriptedService) -> None:
    messages = [{"role": "user", "content": "What is ABAP?"}, {"role": "assistant", "content": "A *language*."}]
    service.replies["GET", "/api/chats?limit=30"] = [
        (200, {"chats": [{"chat_id": CHAT, "title": "About ABAP", "live_run": RUN}]})
    ]
    service.replies["GET", f"/api/chats/{CHAT}?limit=100"] = [(200, {"title": "About ABAP", "messages": messages})]
    service.plays(Act(connected(), *story("resumed text")))
    async with terminal(service, "chat", "--chat", CHAT) as screen:
        await screen.shows("A language.")
        assert "› What is ABAP?" in screen.text
        await screen.prompts()
        screen.types("/transport websocket\n")
        await screen.shows("Events come by websocket.")
        await screen.prompts()
        screen.types("/resume\n")
        await screen.shows("resumed text")
        await screen.prompts()
        screen.types("/sing\n")
        await screen.shows("There is no /sing")
        await screen.prompts()
        screen.types("/help\n")
        await screen.shows("Ctrl-C stops an answer")
        await screen.prompts()
        screen.presses_ctrl_d()
        assert await screen.exit_code() == 0
    attach = service.starts_and_resumes[0]
    assert (attach.method, attach.body["data"]["run"]) == ("WS", RUN)


async def test_a_refusal_says_who_can_mend_it(service: ScriptedService) -> None:
    service.plays(Refusal(401, "unauthorized"))
    async with terminal(service, "chat", "hi") as screen:
        assert await screen.exit_code() == 1
        assert "Your side: Refused: unauthorized." in screen.text


async def test_control_characters_of_a_model_do_not_reach_the_terminal(service: ScriptedService) -> None:
    service.plays(Act(connected(), *story("safe\x1b]0;title\x07\x1b[2J\x9b31m still here")))
    async with terminal(service, "chat", "hi") as screen:
        assert await screen.exit_code() == 0
        assert "safe]0;title[2J31m still here" in screen.text
        assert screen.screen.title == ""


async def test_tail_watches_from_the_first_event_and_ctrl_c_only_leaves(service: ScriptedService) -> None:
    service.plays(Act(connected(), *story("from the beginning")[:2], SILENCE))
    async with terminal(service, "tail", RUN) as screen:
        await screen.shows("from the beginning")
        screen.presses_ctrl_c()
        assert await screen.exit_code() == 130
    assert not [asked for asked in service.asked if asked.path.endswith("/cancel")]


async def test_without_a_key_one_line_says_where_to_get_one(service: ScriptedService) -> None:
    async with PseudoTerminal("chat", "hi", env={"ORICODE_URL": service.url, "ORICODE_KEY": ""}) as screen:
        assert await screen.exit_code() == 2
        assert "oricode keys create" in screen.text


@pytest.mark.slow
async def test_a_deployment_shown_at_37_percent_survives_a_killed_service(tmp_path: Path) -> None:
    """PRODUCT's fourth scenario as a person at a terminal sees it, against the real service and its real tools."""
    scripts = Path(__file__).parents[2] / "service" / "oricode_service" / "models" / "scripts"
    script = re.sub(r"pause: [\d.]+", "pause: 0.4", (scripts / "demo.yaml").read_text()).replace(
        "rate: 260", "rate: 3600"
    )
    (tmp_path / "demo.yaml").write_text(script)
    shutil.copy(scripts / "zori_open_orders.abap", tmp_path)
    settings = {"ORICODE_SCRIPT": str(tmp_path / "demo.yaml"), "ORICODE_HEARTBEAT_SECONDS": "1"}
    async with RealService(tmp_path / "data", **settings) as service:
        env = {"ORICODE_URL": service.url, "ORICODE_KEY": service.key}
        async with PseudoTerminal("demo", env=env, rows=50) as screen:
            await screen.shows("37%")
            await service.kill()
            await screen.shows("Reconnecting...")
            await service.start()
            await screen.shows("✓ Complete", seconds=60)
            assert await screen.exit_code() == 0
    for chunk in range(1, 9):
        assert screen.text.count(f"chunk {chunk}/8 of ZORI_OPEN_ORDERS") == 1
    assert screen.text.count("Shall I write that class next?") == 1
