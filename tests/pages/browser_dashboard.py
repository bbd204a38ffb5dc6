"""The operator's dashboard as an operator sees it, on a simulated week with both arms."""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Literal

import pytest
from clients.real_service import ORICODE, RealService
from oricode_client import OricodeClient
from pages.conftest import Serve
from pages.playground import PICTURES
from playwright.async_api import Browser, Page, expect

PROJECT = Path(__file__).resolve().parents[2]
AXE = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"


async def said(*command: str) -> str:
    """What a command prints."""
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    async with asyncio.timeout(60):
        output, _ = await process.communicate()
    assert process.returncode == 0, command
    return output.decode()


async def admin_key(folder: Path) -> str:
    """A fresh administrator's key."""
    key = await said(str(ORICODE), "keys", "create", "--user", "boss", "--admin", "--data-dir", str(folder))
    return key.strip()


@pytest.fixture
async def week(serve: Serve, tmp_path: Path) -> tuple[RealService, str]:
    """A service after a week of traffic, and an administrator's key."""
    await said(sys.executable, str(PROJECT / "bench" / "simulate_week.py"), str(tmp_path / "data"))
    service = await serve()
    return service, await admin_key(tmp_path / "data")


async def open_board(page: Page, service: RealService, key: str) -> None:
    await page.goto(f"{service.url}/dashboard#key={key}")
    await expect(page.locator("#state")).to_contain_text("Up to date")


async def tile(page: Page, title: str) -> dict[str, str]:
    """A tile's numbers by arm."""
    found = page.locator(".tile").filter(has=page.get_by_role("heading", name=title, exact=True))
    names, values = await found.locator("dt").all_inner_texts(), await found.locator("dd").all_inner_texts()
    return dict(zip(names, values, strict=True))


def shown(arm: dict[str, Any]) -> dict[str, str]:
    """What the tiles must say of an arm, worked out from the report's numbers."""

    def share(value: float) -> str:
        return f"{value * 100:.1f} %" if 0 < value < 0.1 else f"{value * 100:.0f} %"

    def span(seconds: float) -> str:
        if seconds < 10:
            return f"{seconds:.1f} s"
        return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.1f} min"

    return {
        "Timeout rate": share(arm["timeout_rate"]),
        "Duration, p50 · p95": f"{span(arm['seconds_p50'])} · {span(arm['seconds_p95'])}",
        "Satisfaction": f"{share(arm['satisfaction'])} of {arm['rated']}",
        "Runs ended": f"{arm['runs']:,}",
    }


async def test_the_numbers_are_those_of_the_report_and_every_plot_is_drawn(
    page: Page, week: tuple[RealService, str], tmp_path: Path
) -> None:
    service, key = week
    await open_board(page, service, key)
    report = json.loads(
        await said(str(ORICODE), "report", "--days", "7", "--json", "--data-dir", str(tmp_path / "data"))
    )
    for arm, name in (("streaming", "Streaming"), ("json", "JSON")):
        for title, words in shown(report[arm]).items():
            assert (await tile(page, title))[name] == words, f"{title} of {name}"
    assert report["json"]["timeouts"] > 0
    assert (await tile(page, "Timeout rate"))["Streaming"] == "0 %"
    plots = page.locator(".plot svg")
    await expect(plots).to_have_count(4)
    for number in range(4):
        for arm in ("json", "streaming"):
            line = plots.nth(number).locator(f"path.{arm}")
            box = await line.bounding_box()
            assert box is not None, f"{arm} in plot {number}"
            assert box["width"] > 100, f"{arm} in plot {number}"
    assert f"#key={key}" not in page.url, "the key stays in the address"
    assert await page.locator("#errors tbody tr").count() == 3


async def test_live_runs_are_shown_with_what_they_do(page: Page, week: tuple[RealService, str], tmp_path: Path) -> None:
    """Also the picture of the documentation."""
    service, key = week
    async with AsyncExitStack() as stack:
        people: list[tuple[str, str, Literal["sse", "websocket"]]] = [
            ("anna", "eclipse", "sse"), ("ben", "vscode", "websocket"), ("carla", "eclipse", "sse"),
        ]  # fmt: skip
        for user, client_type, transport in people:
            made = await said(str(ORICODE), "keys", "create", "--user", user, "--data-dir", str(tmp_path / "data"))
            client = await stack.enter_async_context(OricodeClient(service.url, made.strip()))
            run = client.chat("Deploy it.", model="demo", client_type=client_type, transport=transport)
            await stack.enter_async_context(run)
            await anext(aiter(run.wires()))
        await open_board(page, service, key)
        rows = page.locator("#live tbody tr")
        await expect(rows).to_have_count(3)
        await expect(rows.first).to_contain_text("anna")
        await expect(page.locator("#live-count")).to_have_text("3 in all")
        PICTURES.mkdir(parents=True, exist_ok=True)
        await page.screenshot(path=PICTURES / "dashboard.png")
        await page.screenshot(path=PICTURES / "dashboard-whole.png", full_page=True)


async def test_a_wrong_key_and_one_that_is_no_administrators_are_told_apart(
    page: Page, week: tuple[RealService, str], tmp_path: Path
) -> None:
    service, key = week
    await page.goto(f"{service.url}/dashboard")
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_be_visible()
    await expect(page.locator("#board")).to_be_hidden()
    await dialog.get_by_label("Key").fill("not-a-key")
    await dialog.get_by_role("button").click()
    await expect(page.get_by_role("alert")).to_contain_text("key")
    wrong = await page.get_by_role("alert").inner_text()
    plain = await said(str(ORICODE), "keys", "create", "--user", "anna", "--data-dir", str(tmp_path / "data"))
    await dialog.get_by_label("Key").fill(plain.strip())
    await dialog.get_by_role("button").click()
    await expect(page.get_by_role("alert")).not_to_have_text(wrong)
    await expect(page.get_by_role("alert")).to_contain_text("administrator")
    PICTURES.mkdir(parents=True, exist_ok=True)
    await page.screenshot(path=PICTURES / "dashboard-key.png")
    await dialog.get_by_label("Key").fill(key)
    await dialog.get_by_role("button").click()
    await expect(page.locator("#board")).to_be_visible()
    await page.reload()
    await expect(page.locator("#state")).to_contain_text("Up to date")


async def test_a_service_without_runs_says_so_and_draws_no_nonsense(page: Page, serve: Serve, tmp_path: Path) -> None:
    service = await serve()
    await open_board(page, service, await admin_key(tmp_path / "data"))
    await expect(page.locator("#live")).to_contain_text("No run is live.")
    await expect(page.locator("#errors")).to_contain_text("No run failed in this time.")
    assert set((await tile(page, "Timeout rate")).values()) == {"–"}
    text = await page.locator("main").inner_text()
    assert text.count("Nothing to draw in this time.") == 4
    assert not any(odd in text for odd in ("NaN", "undefined", "null", "Infinity"))
    PICTURES.mkdir(parents=True, exist_ok=True)
    await page.screenshot(path=PICTURES / "dashboard-empty.png")


async def test_a_service_that_goes_away_is_told_and_comes_back_by_itself(
    page: Page, week: tuple[RealService, str]
) -> None:
    service, key = week
    await open_board(page, service, key)
    await service.kill()
    await expect(page.locator("#state")).to_contain_text("does not answer")
    await expect(page.locator("#board")).to_be_visible()
    await service.start()
    await expect(page.locator("#state")).to_contain_text("Up to date")


@pytest.mark.parametrize(("name", "width", "scheme"), [("phone", 390, "light"), ("dark", 1280, "dark")])
async def test_it_fits_and_can_be_read_everywhere(
    browser: Browser, week: tuple[RealService, str], name: str, width: int, scheme: Any
) -> None:
    """No sideways scrolling; contrast and names by axe."""
    service, key = week
    context = await browser.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme, bypass_csp=True)
    async with context:
        page = await context.new_page()
        await open_board(page, service, key)
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert await page.locator("#connections").evaluate("box => box.scrollWidth <= box.clientWidth")
        await page.add_script_tag(path=AXE)
        found = await page.evaluate("axe.run({runOnly: ['wcag2a', 'wcag2aa']}).then(done => done.violations)")
        assert found == []
        PICTURES.mkdir(parents=True, exist_ok=True)
        await page.screenshot(path=PICTURES / f"dashboard-{name}.png", full_page=True)
