"""The plug-in in a real Eclipse workbench, driven by mouse and keyboard, against the real service."""

from __future__ import annotations

import json
import re
import urllib.request
from pathlib import Path
from typing import Any

import yaml
from conftest import PROJECT
from desktop import Desktop
from workbench import Seen, text, workbench

from service import Service, service

DEMO = PROJECT / "service" / "oricode_service" / "models" / "scripts" / "demo.yaml"
CHUNKS = [12, 25, 37, 50, 62, 75, 87, 100]

PROGRAM = """REPORT zcustomers.

TYPES: BEGIN OF ty_customer,
         number TYPE kunnr,
         name   TYPE name1_gp,
         city   TYPE ort01_gp,
       END OF ty_customer.

DATA gt_customers TYPE STANDARD TABLE OF ty_customer.

PARAMETERS p_city TYPE ort01_gp.

START-OF-SELECTION.
  SELECT kunnr, name1, ort01 FROM kna1
    WHERE ort01 = @p_city
    INTO TABLE @gt_customers.

  LOOP AT gt_customers INTO DATA(ls_customer).
    WRITE: / ls_customer-number, ls_customer-name.
  ENDLOOP.
"""
"""What somebody works on while Oricode writes another report."""


def test_a_service_killed_at_chunk_4_is_resumed_and_every_character_comes_once(screen: Desktop, tmp_path: Path) -> None:
    """PRODUCT.md, scenarios 1, 3 and 4: the bar moves 12, 25, 37 ... 100; SIGKILL and a new start in between."""
    program = tmp_path / "zcustomers.abap"
    program.write_text(PROGRAM)
    with (
        service(tmp_path / "data", "--model", "demo") as running,
        workbench(screen, tmp_path / "eclipse", tmp_path / "ws", running.url, running.key, opened=program) as bench,
    ):
        screen.shoot("1-empty")
        bench.ask("Write a report of open orders, please")
        screen.park()
        bench.wait("chunk 4", lambda seen: _bar(seen) == 50, 120)
        screen.shoot("2-chunk-4")
        running.kill()
        bench.wait("the lost connection to be shown", lambda seen: text(seen, "status").startswith("Reconnecting"), 60)
        screen.shoot("3-reconnecting")
        running.start()
        bench.wait("the new connection", lambda seen: not text(seen, "status").startswith("Reconnecting"), 60)
        seen = bench.wait("the end", lambda seen: text(seen, "status") == "✓ Complete", 180)
        screen.shoot("4-complete")
        assert bench.seen("bar", "value") == CHUNKS
        labels = bench.seen("status")
        assert labels[0] == "Connecting…"
        assert "Connected - waiting for response…" in labels
        assert [f"Storing chunk {n}/8..." in labels for n in range(1, 9)] == [True] * 8
        assert "Checking syntax..." in labels
        shown = text(seen, "conversation")
        for sentence in _sentences():
            assert shown.count(sentence) == 1, f"{sentence!r} is shown {shown.count(sentence)} times"
        for chunk in range(1, 9):
            assert shown.count(f"✓ chunk {chunk}/8 of") == 1
        assert _squeezed(_stored_answer(running)) in _squeezed(shown)
        screen.shrink(640, 520)
        bench.wait("the narrow window", lambda now: now["prompt"]["x"] < 640)
        screen.shoot("5-narrow")


def test_a_workbench_that_crashed_follows_its_run_again_and_can_stop_it(screen: Desktop, tmp_path: Path) -> None:
    with service(tmp_path / "data", "--model", "demo") as running:
        at = (screen, tmp_path / "eclipse", tmp_path / "ws", running.url, running.key)
        with workbench(*at) as bench:
            bench.ask("Write a report of open orders, please")
            bench.wait("chunk 1", lambda seen: _bar(seen) >= 12, 60)
            bench.crash()
        with workbench(*at) as bench:
            seen = bench.wait("the run to be followed again", lambda seen: _bar(seen) >= 37, 120)
            shown = text(seen, "conversation")
            assert shown.count("Write a report of open orders, please") == 1
            assert shown.count("✓ chunk 1/8 of") == 1
            screen.shoot("6-after-a-crash")
            assert text(seen, "send") == "Stop"
            bench.click("send")
            bench.wait("the end", lambda now: text(now, "status") == "Stopped", 60)
            screen.shoot("7-stopped")
            assert text(bench.now(), "send") == "Send"
            assert [chat.get("live_run") for chat in _get(running, "/api/chats")["chats"]] == [None]


def test_the_model_reads_the_editor_and_edits_it_only_with_consent(screen: Desktop, tmp_path: Path) -> None:
    program = tmp_path / "zhello.abap"
    program.write_text("REPORT zhello.\nWRITE 'hello'.\n")
    script = {"ORICODE_SCRIPT": str(Path(__file__).parent / "tools.yaml")}
    with (
        service(tmp_path / "data", "--model", "demo", environment=script) as running,
        workbench(screen, tmp_path / "eclipse", tmp_path / "ws", running.url, running.key, opened=program) as bench,
    ):
        bench.ask("Greet the world")
        seen = bench.wait("the question", lambda seen: seen.get("question", {}).get("visible", False), 60)
        assert text(seen, "question") == "Oricode wants to change zhello.abap"
        assert text(seen, "question-detail") == "- WRITE 'hello'.\n+ WRITE 'hello, world'."
        assert "hello, world" not in text(seen, "editor"), "nothing is changed before the person agreed"
        screen.shoot("8-question")
        bench.click("yes")
        bench.wait("the edit", lambda seen: text(seen, "editor") == "REPORT zhello.\nWRITE 'hello, world'.\n", 60)
        bench.wait("the end", lambda seen: text(seen, "status") == "✓ Complete", 60)
        assert "✓ Read the active editor\n" in text(bench.now(), "conversation")
        assert program.read_text() == "REPORT zhello.\nWRITE 'hello'.\n", "the edit can still be undone"

        bench.focus("editor")
        screen.press("ctrl+a")
        screen.press("ctrl+alt+e")
        bench.wait(
            "the selection's question", lambda seen: "Explain the selection in" in text(seen, "conversation"), 60
        )
        screen.shoot("9-explain")


def test_a_wrong_key_is_told_in_a_dialog(screen: Desktop, tmp_path: Path) -> None:
    with (
        service(tmp_path / "data", "--model", "demo") as running,
        workbench(screen, tmp_path / "eclipse", tmp_path / "ws", running.url, "ok_wrong") as bench,
    ):
        bench.ask("Hello")
        seen = bench.wait("the dialog", lambda seen: "shell:Oricode" in seen, 60)
        screen.shoot("10-error")
        assert text(seen, "status") == "Failed"
        assert "does not accept this API key" in text(seen, "conversation")
        screen.press("Return")
        bench.wait("the closed dialog", lambda seen: "shell:Oricode" not in seen, 30)
        assert text(bench.now(), "send") == "Send", "the person can go on"


def _bar(seen: Seen) -> int:
    bar = seen.get("bar", {})
    return int(bar["value"]) if bar.get("visible") else -1


def _sentences() -> list[str]:
    """What the demo says, line by line, as it is shown; only lines that say enough to be found once."""
    steps = [step for scene in yaml.safe_load(DEMO.read_text())["scenes"] for step in scene]
    lines = [line for step in steps for line in str(step.get("say", "")).splitlines()]
    shown = [re.sub(r"\*\*|`", "", line) for line in lines if not line.startswith(("|", "```"))]
    return [line for line in shown if len(line) > 30]


def _stored_answer(running: Service) -> str:
    """The text of the last turn, as the service stored it."""
    (chat,) = _get(running, "/api/chats")["chats"]
    content = _get(running, f"/api/chats/{chat['chat_id']}")["messages"][-1]["content"]
    return content if isinstance(content, str) else "".join(block.get("text", "") for block in content)


def _squeezed(markdown: str) -> str:
    """Without marks and white space, and without tables, which are shown as lists."""
    markdown = re.sub(r"(?m)^[|•].*$", "", markdown)
    return re.sub(r"```\w*\n|```|\*\*|`|\s", "", markdown)


def _get(running: Service, path: str) -> Any:
    request = urllib.request.Request(running.url + path, headers={"X-API-Key": running.key})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)
