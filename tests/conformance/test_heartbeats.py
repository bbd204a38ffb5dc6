"""Signs of life while a run is quiet: events on the streams, white space in JSON."""

from __future__ import annotations

import asyncio
import json
import time

import pytest
from conformance.house import HEARTBEAT, House
from conformance.wires import PATIENCE, Event, Wire, socket
from upstream import WaitFor, message, text

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_quiet_run_shows_signs_of_life_until_it_goes_on(house: House, wire: Wire) -> None:
    milestone = f"quiet-{wire.name}"
    whole = message(text("Late."))
    model = house.model([*whole[:2], WaitFor(milestone), *whole[2:]])
    async with asyncio.timeout(PATIENCE), wire.open(prompt="x", model=model.name) as run:
        beat = await run.until("heartbeat")
        if wire.name == "json":  # it is another reader's, who may have come first; an interval later all had theirs
            await run.until("heartbeat")
        house.upstream.release(milestone)
        answer = await run.answer()
    assert (answer.status, answer.text) == ("completed", "Late.")
    assert beat is not None
    assert_is_alive(beat)
    if wire.name == "json":
        document = answer.body.lstrip(b" ")
        assert len(document) < len(answer.body), "the body began with white space before the answer was known"
        assert document.startswith(b"{")
        assert json.loads(answer.body)["text"] == "Late."


def assert_is_alive(beat: Event) -> None:
    """As a client reads it."""
    assert beat.id == "", "a heartbeat belongs to the connection and moves no cursor"
    assert beat.data["state"] == "model"
    assert abs(beat.data["timestamp"] - time.time() * 1000) < 60_000
    assert 0 <= beat.data["quiet_ms"] < 60_000


async def test_a_quick_json_answer_has_no_white_space_and_a_length(house: House) -> None:
    response = await house.http.post("/api/chat", json={"prompt": "x", "model": "echo"})
    assert response.content.startswith(b"{")
    assert int(response.headers["content-length"]) == len(response.content)


async def test_an_idle_websocket_beats_too(house: House) -> None:
    """A browser sees no ping frames."""
    async with asyncio.timeout(PATIENCE), socket(house) as opened:
        frames = [await opened.receive() for _ in range(2)]
    for frame in frames:
        assert (frame["event"], frame["data"]["state"]) == ("heartbeat", "idle")
        assert "run" not in frame
        assert "id" not in frame


async def test_the_stream_says_how_long_silence_may_last(house: House, wire: Wire) -> None:
    if wire.name == "json":
        pytest.skip("a document has no connected event")
    answer = await wire.ask(prompt="x", model="echo")
    (connected,) = answer.named("connected")
    assert connected.data["heartbeat_ms"] == HEARTBEAT * 1000
    assert connected.data["message"] == "Connected to Oricode AI"
    assert (connected.data["protocol"], connected.data["resume"]) == (1, "new")
