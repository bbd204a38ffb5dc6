"""The face for scripts, called from a thread as a script would be."""

from __future__ import annotations

import asyncio

import pytest
from clients.scripted_service import DROP, Act, Refusal, ScriptedService, connected, story
from oricode_client import SyncClient, errors, events

STORY = story("Hel", "lo")


async def test_a_script_reads_a_run_through_a_cut(service: ScriptedService) -> None:
    service.plays(Act(connected(), *STORY[:2], DROP), Act(connected("replay"), *STORY[2:]))

    def script() -> tuple[list[str], str, str]:
        with SyncClient(service.url, "key") as client, client.chat("hi") as run:
            texts = [event.text for event in run if isinstance(event, events.Content)]
            return texts, run.text, run.status

    async with asyncio.timeout(5):
        assert await asyncio.to_thread(script) == (["Hel", "lo"], "Hello", "completed")


async def test_ask_gives_the_text_or_raises(service: ScriptedService) -> None:
    service.plays(Act(connected(), *STORY), Refusal(401, "unauthorized"))

    def script() -> str:
        with SyncClient(service.url, "key") as client:
            first = client.ask("hi")
            with pytest.raises(errors.Unauthorized):
                client.ask("hi")
            return first

    async with asyncio.timeout(5):
        assert await asyncio.to_thread(script) == "Hello"


async def test_it_works_where_a_loop_is_already_running(service: ScriptedService) -> None:
    """As in a notebook; the scripted service needs this loop, so the call itself is made elsewhere."""
    service.plays(Act(connected(), *STORY))
    client = SyncClient(service.url, "key")
    try:
        assert await asyncio.to_thread(client.ask, "hi") == "Hello"
    finally:
        await asyncio.to_thread(client.close)
