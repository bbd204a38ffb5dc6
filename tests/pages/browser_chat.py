"""Chatting on the playground, in a real browser against the real service."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pages.conftest import Serve
from pages.playground import Playground
from playwright.async_api import Page, expect

MARKDOWN = """# A heading

Some **bold** words, `code`, ~~gone~~ and a [link](https://example.org/).

1. one
2. two
   - inner

| a | b |
| - | -: |
| 1 | 2 |

> quoted

```abap
WRITE / 'Hello'.

WRITE / 'again'.
```
"""
HOSTILE = (
    "<img src=x onerror=alert(1)> <script>alert(1)</script>\n\n"
    "[click](javascript:alert(1)) [data](data:text/html,x) ![pic](https://example.org/p.png) <b>bold</b>"
)


async def test_an_empty_page_offers_ideas(page: Page, serve: Serve) -> None:
    playground = Playground(page, await serve())
    await playground.open()
    await expect(page.get_by_role("heading", name="What shall we build?")).to_be_visible()
    await playground.picture("empty")
    await page.get_by_role("button", name="See Markdown come back").click()
    await expect(playground.end).to_contain_text("✓ Complete")
    await expect(playground.answer.get_by_role("heading", name="A heading")).to_be_visible()


@pytest.mark.parametrize("transport", ["sse", "websocket", "json"])
async def test_markdown_is_drawn_as_nodes(page: Page, serve: Serve, transport: str) -> None:
    playground = Playground(page, await serve())
    await playground.open()
    await playground.asks(MARKDOWN, model="echo", transport=transport)
    await expect(playground.end).to_contain_text("✓ Complete")
    answer = playground.answer
    await expect(answer.get_by_role("heading", name="A heading")).to_have_count(1)
    await expect(answer.locator("strong")).to_have_text("bold")
    await expect(answer.locator("ol > li")).to_have_count(2)
    await expect(answer.locator("ol ul > li")).to_have_text("inner")
    await expect(answer.locator("td").last).to_have_text("2")
    await expect(answer.locator("blockquote")).to_have_text("quoted")
    await expect(answer.locator("pre code")).to_have_text("WRITE / 'Hello'.\n\nWRITE / 'again'.")
    await expect(answer.get_by_role("link", name="link")).to_have_attribute("rel", "noopener noreferrer")
    if transport == "sse":
        await playground.picture("chat")


async def test_hostile_text_stays_text(page: Page, serve: Serve) -> None:
    playground = Playground(page, await serve())
    await playground.open()
    page.on("dialog", lambda dialog: pytest.fail(f"a script ran: {dialog.message}"))
    await playground.asks(HOSTILE, model="echo")
    await expect(playground.end).to_contain_text("✓ Complete")
    assert await playground.answer.locator("img, script, b, iframe, object").count() == 0
    assert await playground.answer.locator("a").evaluate_all("links => links.map(link => link.href)") == [
        "https://example.org/p.png"
    ]
    assert "<img src=x onerror=alert(1)>" in await playground.said()


async def test_a_failure_says_what_happened_and_can_be_tried_again(
    page: Page, serve: Serve, script: Callable[[str], str]
) -> None:
    path = script("scenes:\n  - - say: A good beginning.\n    - fail: upstream_rejected\n  - - say: never\n")
    playground = Playground(page, await serve(ORICODE_SCRIPT=path))
    await playground.open()
    await playground.asks("Try")
    callout = page.get_by_role("alert").filter(has_text="upstream_rejected")
    await expect(callout).to_be_visible()
    await playground.picture("error")
    await playground.button("Try again").click()
    await expect(page.locator("#log .turn")).to_have_count(2)
    await expect(page.get_by_role("alert").filter(has_text="upstream_rejected")).to_have_count(2)


async def test_stop_ends_the_answer(page: Page, serve: Serve) -> None:
    playground = Playground(page, await serve())
    await playground.open()
    await playground.asks("x", model="demo")
    await expect(playground.answer).to_contain_text("ZORI_OPEN_ORDERS")
    await playground.button("Stop").click()
    await expect(playground.end).to_contain_text("■ Stopped")
    await expect(playground.button("Send")).to_be_visible()


async def test_a_good_answer_can_be_rated(page: Page, serve: Serve) -> None:
    playground = Playground(page, await serve())
    await playground.open()
    await playground.asks("hi", model="echo")
    await playground.button("Helpful").click()
    await expect(playground.button("Helpful")).to_have_attribute("aria-pressed", "true")


async def test_the_key_leaves_the_address_at_once_and_survives_a_reload(page: Page, serve: Serve) -> None:
    playground = Playground(page, await serve())
    await playground.open()
    assert page.url == f"{playground.service.url}/"
    assert await page.evaluate("history.length") == 2  # about:blank and the page: no entry that holds the key
    await page.reload()
    await playground.ready()


async def test_a_wrong_key_is_asked_for_again(page: Page, serve: Serve) -> None:
    service = await serve()
    await page.goto(f"{service.url}/#key=wrong")
    dialog = page.get_by_role("dialog", name="Your key")
    await expect(dialog.get_by_role("alert")).to_have_text("This key does not work here.")
    await Playground(page, service).picture("key")
    await dialog.get_by_label("Key", exact=True).fill(service.key)
    await dialog.get_by_role("button", name="Continue").click()
    await Playground(page, service).ready()
    await expect(dialog).to_be_hidden()


async def test_chats_are_listed_opened_again_and_deleted(page: Page, serve: Serve) -> None:
    playground = Playground(page, await serve())
    await playground.open()
    await playground.asks("The first question", model="echo")
    await expect(playground.end).to_contain_text("✓ Complete")
    await playground.button("New chat").click()
    await playground.asks("Another matter", model="echo")
    await expect(playground.end).to_contain_text("✓ Complete")
    await playground.button("The first question").click()
    await expect(page.locator("#log .asked")).to_have_text("You: The first question")
    await expect(playground.answer).to_have_text("The first question")
    await playground.asks("And a second one")
    await expect(page.locator("#log .turn")).to_have_count(2)
    page.on("dialog", lambda dialog: dialog.accept())
    await page.get_by_role("listitem").filter(has_text="Another matter").hover()
    await playground.button("Delete chat: Another matter").click()
    await expect(playground.button("Another matter")).to_have_count(0)
    await expect(playground.button("The first question")).to_be_visible()
