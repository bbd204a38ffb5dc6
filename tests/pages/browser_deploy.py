"""The chunked deployment, and everything that can happen to its connection, in a real browser."""

from __future__ import annotations

import re

import pytest
from oricode_client import OricodeClient
from pages.conftest import Serve
from pages.playground import Playground, text_of
from playwright.async_api import Page, expect

REPORT = "Deploy the report"


async def whole_text(playground: Playground) -> str:
    """What the service holds of the latest answer."""
    async with OricodeClient(playground.service.url, playground.service.key) as client:
        chat = (await client.chats())["chats"][0]
        messages = (await client.messages(chat["chat_id"], limit=100))["messages"]
        document = await client.run(messages[-1]["run_id"])
        assert document["status"] == "completed"
        return re.sub(r"^```\w+$", "```", document["text"], flags=re.MULTILINE)


def squeezed(text: str) -> str:
    """Letters alone: Markdown's marks and line breaks are not text to a reader."""
    return "".join(filter(str.isalnum, text))


async def assert_nothing_lost(playground: Playground) -> None:
    await expect(playground.end).to_contain_text("✓ Complete", timeout=60_000)
    assert squeezed(await playground.said()) == squeezed(await whole_text(playground))


async def test_the_bar_moves_through_eight_chunks_to_the_end(page: Page, serve: Serve, quick_demo: str) -> None:
    playground = Playground(page, await serve(ORICODE_SCRIPT=quick_demo))
    await playground.open()
    await playground.asks(REPORT)
    for percent in ("12%", "25%", "37%", "50%", "62%", "75%", "87%", "100%"):
        await expect(playground.percent).to_have_text(percent)
        if percent == "37%":
            await expect(playground.label).to_have_text("Storing chunk 3/8...")
            await playground.picture("progress-37")
    await expect(playground.label).to_have_text("✓ Complete", timeout=60_000)
    await assert_nothing_lost(playground)
    cards = page.locator("#log .tool")
    await expect(cards).to_have_count(10)
    await expect(cards.last).to_have_attribute("data-state", "ok")
    await playground.picture("deployed")


@pytest.mark.parametrize("transport", ["sse", "websocket"])
async def test_a_cut_at_37_percent_costs_no_character(
    page: Page, serve: Serve, quick_demo: str, transport: str
) -> None:
    playground = Playground(page, await serve(ORICODE_SCRIPT=quick_demo))
    await playground.open()
    await playground.button("Wire").click()
    await playground.asks(REPORT, transport=transport)
    await expect(playground.percent).to_have_text("37%")
    await playground.button("Cut the connection").click()
    await expect(playground.label).to_have_text("Reconnecting...")
    await playground.picture(f"reconnecting-{transport}")
    await expect(page.locator(".wire-mark").last).to_contain_text("Trying again in")
    await assert_nothing_lost(playground)


async def test_live_code_grows_in_its_card(page: Page, serve: Serve) -> None:
    playground = Playground(page, await serve())
    await playground.open()
    await playground.asks(REPORT, model="demo")
    code = page.locator('.tool[data-state="writing"] pre code')
    await expect(code).to_contain_text("Part 1 of 8")
    early = len(await code.inner_text())
    await expect(code).to_contain_text("TYPES")
    assert len(await code.inner_text()) > early
    await playground.picture("live-code")


async def test_a_killed_and_restarted_service_is_only_a_pause(page: Page, serve: Serve, quick_demo: str) -> None:
    playground = Playground(page, await serve(ORICODE_SCRIPT=quick_demo))
    await playground.open()
    await playground.asks(REPORT)
    await expect(playground.percent).to_have_text("25%")
    await playground.service.kill()
    await expect(playground.label).to_have_text("Reconnecting...")
    await playground.service.start()
    await assert_nothing_lost(playground)
    await expect(page.locator("#log .tool")).to_have_count(10)


async def test_a_page_loaded_again_goes_on_watching(page: Page, serve: Serve, quick_demo: str) -> None:
    playground = Playground(page, await serve(ORICODE_SCRIPT=quick_demo))
    await playground.open()
    await playground.asks(REPORT)
    await expect(playground.percent).to_have_text("25%")
    await page.reload()
    await expect(page.locator("#log .asked")).to_contain_text(REPORT)
    await assert_nothing_lost(playground)


async def test_a_second_viewer_sees_the_same(page: Page, serve: Serve, quick_demo: str) -> None:
    playground = Playground(page, await serve(ORICODE_SCRIPT=quick_demo))
    await playground.open()
    await playground.asks(REPORT)
    await expect(playground.percent).to_have_text("37%")
    await playground.button("Open a second viewer").click()
    second = page.get_by_role("complementary", name="Second viewer")
    await expect(second.get_by_role("heading")).to_have_text("Second viewer · WebSocket")
    await expect(second.locator(".tool")).not_to_have_count(0)
    await second.get_by_role("button", name="Cut", exact=True).click()
    await expect(second.get_by_role("group", name="Second viewer's connection")).to_contain_text("Reconnecting...")
    await playground.picture("second-viewer")
    await assert_nothing_lost(playground)
    await expect(second.locator(".turn-end")).to_contain_text("✓ Complete")
    assert await text_of(second.locator(".answer")) == await playground.said()


async def test_the_wire_shows_ids_ages_and_raw_bytes(page: Page, serve: Serve) -> None:
    playground = Playground(page, await serve())
    await playground.open()
    await playground.button("Wire").click()
    await playground.asks("wire me", model="echo")
    await expect(playground.end).to_contain_text("✓ Complete")
    rows = page.locator("#wire-rows details")
    await expect(rows.first).to_have_attribute("data-event", "connected")
    await expect(rows.last).to_have_attribute("data-event", "done")
    first = page.locator('#wire-rows details[data-event="content"]').first
    await expect(first.locator(".wire-id")).to_have_text("1.2")
    await first.locator("summary").click()
    raw = await first.locator("pre").inner_text()
    assert raw.startswith("id: run_")
    assert '⏎\nevent: content⏎\ndata: {"text":"wir","index":0}⏎\n⏎' in raw
    await playground.picture("wire")


async def test_the_meter_tells_how_long_ago_the_last_sign_of_life_was(page: Page, serve: Serve) -> None:
    playground = Playground(page, await serve(ORICODE_MODEL="firehose", ORICODE_HEARTBEAT_SECONDS="30"))
    await playground.open()
    async with OricodeClient(playground.service.url, playground.service.key) as client:
        run = client.chat("quiet", model="firehose:2@0.001")
        await run.start()
        await page.reload()
        await page.get_by_role("button", name="quiet", exact=False).first.click()
        await expect(page.locator(".meter-pulse")).to_have_text("SSE · last sign of life 2 s ago")
        await run.cancel()
        await run.aclose()
