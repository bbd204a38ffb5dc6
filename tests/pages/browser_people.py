"""What a person must decide or answer, and who that person may be: keyboard, screen reader, phone, dark."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from pages.conftest import Serve
from pages.playground import Playground
from playwright.async_api import Browser, Page, expect

AXE = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"
APPROVAL = """
scenes:
  - - say: The program is written. I check it now.
    - call: mcp_store_code_chunk
      input: {program: ZDEMO, chunk_index: 0, total_chunks: 1, code: "REPORT zdemo.\\nWRITE / 'Hello'.\\n"}
  - - say: Done.
"""
QUESTION = """
scenes:
  - - say: I need to know something.
    - call: ask_person
      input: {question: "Which transport request shall I use?"}
  - - say: Thank you.
"""


async def test_an_approval_shows_what_would_run_and_is_given_once(
    page: Page, serve: Serve, script: Callable[[str], str]
) -> None:
    playground = Playground(page, await serve(ORICODE_SCRIPT=script(APPROVAL), ORICODE_APPROVALS="*=ask"))
    await playground.open()
    await playground.asks("Deploy")
    card = page.get_by_role("region", name="Tool: Store code chunk")
    await expect(card.locator("pre")).to_contain_text("WRITE / 'Hello'.")
    await expect(playground.label).to_have_text("Waiting for your approval")
    await playground.picture("approval")
    await card.get_by_role("button", name="Approve").click()
    await expect(card).to_have_attribute("data-state", "ok")
    await expect(card.get_by_role("button", name="Approve")).to_have_count(0)
    await expect(playground.end).to_contain_text("✓ Complete")


async def test_a_denied_tool_says_so(page: Page, serve: Serve, script: Callable[[str], str]) -> None:
    playground = Playground(page, await serve(ORICODE_SCRIPT=script(APPROVAL), ORICODE_APPROVALS="*=ask"))
    await playground.open()
    await playground.asks("Deploy")
    await playground.button("Deny").click()
    await expect(page.locator(".tool")).to_have_attribute("data-state", "denied")
    await expect(playground.end).to_contain_text("✓ Complete")


@pytest.mark.parametrize("transport", ["sse", "websocket"])
async def test_a_client_tool_is_answered_by_a_person(
    page: Page, serve: Serve, script: Callable[[str], str], transport: str
) -> None:
    playground = Playground(page, await serve(ORICODE_SCRIPT=script(QUESTION)))
    await playground.open()
    await page.get_by_text("Options").click()
    await page.get_by_label("Offer a client tool").check()
    await playground.asks("Deploy", transport=transport)
    question = page.get_by_label("Which transport request shall I use?")
    await expect(question).to_be_visible()
    await question.fill("DEVK900042")
    await playground.picture("client-tool")
    await playground.button("Answer").click()
    await expect(playground.end).to_contain_text("✓ Complete")
    await expect(page.locator(".tool")).to_have_attribute("data-state", "ok")


async def test_a_phone_shows_everything_without_scrolling_sideways(
    browser: Browser, serve: Serve, quick_demo: str
) -> None:
    context = await browser.new_context(
        viewport={"width": 390, "height": 780}, device_scale_factor=2, has_touch=True, is_mobile=True
    )
    page = await context.new_page()
    playground = Playground(page, await serve(ORICODE_SCRIPT=quick_demo))
    await playground.open()
    await playground.picture("phone-empty")
    await playground.asks("Deploy the report")
    await expect(playground.percent).to_have_text("37%")
    await playground.picture("phone")
    width = await page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert width[0] <= width[1]
    await playground.button("Chats").click()
    await expect(playground.button("New chat")).to_be_in_viewport()
    await expect(page.locator("#sidebar")).to_have_css("translate", "0px")
    await playground.picture("phone-chats")
    await page.keyboard.press("Escape")
    await expect(playground.button("New chat")).not_to_be_in_viewport()
    await playground.button("Wire").click()
    await expect(page.locator("#wire-rows li").first).to_be_attached()
    await playground.picture("phone-wire")
    await context.close()


async def test_dark_is_dark(browser: Browser, serve: Serve, quick_demo: str) -> None:
    context = await browser.new_context(viewport={"width": 1280, "height": 800}, color_scheme="dark")
    page = await context.new_page()
    playground = Playground(page, await serve(ORICODE_SCRIPT=quick_demo))
    await playground.open()
    await playground.asks("Deploy the report")
    await expect(playground.percent).to_have_text("37%")
    await playground.picture("dark")
    assert await page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(23, 22, 21)"
    await context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing(browser: Browser, serve: Serve, script: Callable[[str], str], scheme: str) -> None:
    context = await browser.new_context(
        viewport={"width": 1280, "height": 800},
        color_scheme="dark" if scheme == "dark" else "light",
        bypass_csp=True,  # axe comes from outside; the page itself is tested under its policy everywhere else
        reduced_motion="reduce",
    )
    page = await context.new_page()
    playground = Playground(page, await serve(ORICODE_SCRIPT=script(APPROVAL), ORICODE_APPROVALS="*=ask"))
    await playground.open()
    await page.add_script_tag(path=AXE)
    assert await violations(page) == []
    await playground.button("Wire").click()
    await playground.asks("Deploy")
    await expect(playground.button("Approve")).to_be_visible()
    assert await violations(page) == []
    await playground.button("Approve").click()
    await expect(playground.end).to_contain_text("✓ Complete")
    assert await violations(page) == []
    await context.close()


async def violations(page: Page) -> list[str]:
    found = await page.evaluate("async () => (await axe.run(document, {resultTypes: ['violations']})).violations")
    return [f"{rule['id']}: {node['html'][:160]} {node['failureSummary']}" for rule in found for node in rule["nodes"]]


async def test_everything_can_be_reached_and_done_by_keyboard(
    page: Page, serve: Serve, script: Callable[[str], str]
) -> None:
    playground = Playground(page, await serve(ORICODE_SCRIPT=script(APPROVAL), ORICODE_APPROVALS="*=ask"))
    await playground.open()
    await expect(page.get_by_label("Prompt")).to_be_focused()
    await page.keyboard.type("Deploy")
    await page.keyboard.press("Enter")
    await expect(playground.button("Approve")).to_be_visible()
    await tab_to(page, "Approve")
    await page.keyboard.press("Enter")
    await expect(playground.end).to_contain_text("✓ Complete")
    await tab_to(page, "Helpful")
    await page.keyboard.press("Enter")
    await expect(playground.button("Helpful")).to_have_attribute("aria-pressed", "true")


async def tab_to(page: Page, name: str) -> None:
    """Press Tab until the button of that name has the focus."""
    for _ in range(60):
        await page.keyboard.press("Tab")
        said = await page.evaluate("document.activeElement.ariaLabel || document.activeElement.textContent")
        if said == name:
            return
    raise AssertionError(f"{name} cannot be reached by Tab")


async def test_what_changes_is_said_to_those_who_do_not_see_it(page: Page, serve: Serve) -> None:
    playground = Playground(page, await serve())
    await playground.open()
    await playground.asks("hi", model="echo")
    await expect(page.get_by_role("status")).to_have_text("✓ Complete")
