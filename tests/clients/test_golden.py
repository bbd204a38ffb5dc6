"""The golden files through this client: recorded runs over every transport, and every odd text unharmed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from clients.scripted_service import CHAT, DROP, RUN, Act, JsonAnswer, Said, ScriptedService, connected, story
from oricode_client import OricodeClient
from oricode_client.events import Content
from oricode_protocol import codec

GOLDEN = Path(__file__).parent.parent / "golden"
RUNS = {path.stem: json.loads(path.read_text()) for path in sorted((GOLDEN / "runs").glob("*.json"))}
TEXTS: list[dict[str, Any]] = json.loads((GOLDEN / "texts.json").read_text())


def said(run: dict[str, Any]) -> list[Said]:
    return [Said(event["event"], event["data"], event["id"] or "") for event in run["events"]]


@pytest.mark.parametrize("name", RUNS)
async def test_a_recorded_run_folds_to_its_recorded_state(
    service: ScriptedService, client: OricodeClient, name: str
) -> None:
    service.plays(Act(connected(), *said(RUNS[name])))
    async with client.chat("hi") as run:
        seen = [event.event async for event in run]
        assert seen == ["connected", *(event["event"] for event in RUNS[name]["events"])]
        assert run.state() == {**RUNS[name]["state"], "run_id": RUN, "chat_id": CHAT}


@pytest.mark.parametrize("name", RUNS)
async def test_a_recorded_run_cut_after_each_event_folds_to_the_same_state(
    service: ScriptedService, client: OricodeClient, name: str
) -> None:
    events = said(RUNS[name])
    service.plays(*(Act(connected(), event, DROP) for event in events[:-1]), Act(connected(), events[-1]))
    async with client.chat("hi") as run:
        async for _ in run:
            pass
        assert run.state() == {**RUNS[name]["state"], "run_id": RUN, "chat_id": CHAT}
    assert [asked.after for asked in service.starts_and_resumes] == ["", *(event.id for event in events[:-1])]


@pytest.mark.parametrize("transport", ["sse", "websocket", "json"])
async def test_odd_texts_come_through_unharmed(service: ScriptedService, transport: Any) -> None:
    for odd in TEXTS:
        text = odd["text"]
        if transport == "json":
            done = {"run_id": RUN, "chat_id": "c", "status": "completed", "text": text, "stop_reason": "end_turn"}
            service.plays(JsonAnswer(done))
        else:
            service.plays(Act(connected(), *story(text)))
        async with OricodeClient(service.url, "key", transport=transport) as client, client.chat("hi") as run:
            assert "".join([e.text async for e in run if isinstance(e, Content)]) == text, odd["name"]
            assert run.text == text


async def test_an_emoji_split_over_two_events_arrives_whole(service: ScriptedService, client: OricodeClient) -> None:
    """Each half is a lone surrogate, which nothing in Python can print: halves are held until they are whole."""
    golden = json.loads((GOLDEN / "surrogates.json").read_text())
    halves = [codec.loads(data)["text"] for data in golden["datas"]]
    service.plays(Act(connected(), *story("a", *halves, "b", halves[0])))
    async with client.chat("hi") as run:
        pieces = [event.text async for event in run if isinstance(event, Content)]
        assert pieces == ["a", "", golden["joined"], "b", ""]
        assert run.text == f"a{golden['joined']}b\ufffd"
