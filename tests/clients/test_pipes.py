"""The terminal commands without a terminal: the answer alone on standard output."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

from clients.scripted_service import DROP, Act, Refusal, ScriptedService, connected, numbered, story

START = ("message_start", {"message": "m", "message_id": "msg_1", "turn": 1, "attempt": 1, "model": "scripted"})
TESTS = Path(__file__).parents[1]


async def piped(service: ScriptedService, *args: str, stdin: str = "") -> tuple[int, str, str]:
    """Exit code, standard output, standard error."""
    env = {**os.environ, "ORICODE_URL": service.url, "ORICODE_KEY": "key", "PYTHONPATH": str(TESTS)}
    command = [sys.executable, "-m", "clients.run_terminal", *args]
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, stderr=pipe, env=env)
    async with asyncio.timeout(30):
        out, err = await process.communicate(stdin.encode())
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


async def test_a_question_on_standard_input_gets_its_answer_on_standard_output(service: ScriptedService) -> None:
    service.plays(Act(connected(), *story("An ", "answer")))
    code, out, err = await piped(service, "chat", stdin="What?")
    assert (code, out) == (0, "An answer\n")
    assert "✓ Complete" in err
    assert service.asked[0].body["prompt"] == "What?"


async def test_a_pipe_never_holds_text_that_was_taken_back(service: ScriptedService) -> None:
    events: list[tuple[str, dict[str, Any]]] = [
        START,
        ("content", {"text": "Wrong", "index": 0}),
        ("message_start", {**START[1], "attempt": 2}),
        ("content", {"text": "Right", "index": 0}),
        ("message_stop", {"message": "m", "message_id": "msg_1"}),
        ("done", {"message": "Complete", "status": "completed"}),
    ]
    service.plays(Act(connected(), *numbered(events)))
    code, out, err = await piped(service, "chat", "hi")
    assert (code, out) == (0, "Right\n")
    assert "starts this part again" in err


async def test_json_lines_are_the_wire_with_reconnecting_among_it(service: ScriptedService) -> None:
    said = story("An ", "answer")
    service.plays(Act(connected(), *said[:2], DROP), Act(connected("replay"), *said[2:]))
    code, out, _ = await piped(service, "chat", "--json", "hi")
    lines = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert [line["id"] for line in lines if "id" in line] == [event.id for event in said]
    assert [line["event"] for line in lines if "id" not in line] == ["connected", "reconnecting", "connected"]
    assert [line["data"] for line in lines if "id" in line] == [event.data for event in said]


async def test_a_failed_run_ends_in_1_with_its_sentence(service: ScriptedService) -> None:
    failure = ("error", {"error": "The model is overloaded.", "code": "upstream_overloaded", "retryable": True})
    events = [START, ("content", {"text": "Half", "index": 0}), failure, ("done", {"message": "F", "status": "failed"})]
    service.plays(Act(connected(), *numbered(events)))
    code, out, err = await piped(service, "chat", "hi")
    assert (code, out) == (1, "Half\n")
    assert "The model is overloaded." in err


async def test_tail_of_an_unknown_run_says_so(service: ScriptedService) -> None:
    service.plays(Refusal(404, "not_found"))
    code, out, err = await piped(service, "tail", "run_nothing")
    assert (code, out) == (1, "")
    assert "Refused: not_found." in err


async def test_nothing_to_ask_is_a_usage_error(service: ScriptedService) -> None:
    code, _, err = await piped(service, "chat")
    assert code == 2
    assert "no prompt" in err


async def test_an_address_without_a_scheme_is_a_usage_error(service: ScriptedService) -> None:
    code, _, err = await piped(service, "chat", "--url", "localhost:8000", "hi")
    assert code == 2
    assert "http" in err
