"""Fixtures of the browser tests: Chromium, a page that tells of everything that went wrong in it, the real service.

The tests are called ``browser_*.py`` so that only ``make pages-test`` collects them: they need a browser.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from clients.real_service import RealService
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect

MODELS = Path(__file__).parents[2] / "service" / "oricode_service" / "models" / "scripts"
_CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

expect.set_options(timeout=20_000)


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    """One Chromium for all tests; each has a context, and so a storage, of its own."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=_CHROMIUM, args=_FLAGS)
        yield browser
        await browser.close()


@pytest.fixture
async def context(browser: Browser) -> AsyncIterator[BrowserContext]:
    context = await browser.new_context(viewport={"width": 1280, "height": 800})
    yield context
    await context.close()


@pytest.fixture
async def page(context: BrowserContext) -> AsyncIterator[Page]:
    """Fails the test for an exception in the page, and for a breach of its security policy."""
    page = await context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(f"exception: {error}"))
    page.on("console", lambda said: wrong.append(said.text) if "Content Security Policy" in said.text else None)
    yield page
    assert wrong == []


@pytest.fixture
def script(tmp_path: Path) -> Callable[[str], str]:
    """Writes a script for the demo model; its path."""

    def write(text: str) -> str:
        path = tmp_path / "script.yaml"
        path.write_text(text)
        return str(path)

    return write


@pytest.fixture
def quick_demo(tmp_path: Path) -> str:
    """The demo in eight chunks at many times its speed."""
    text = (MODELS / "demo.yaml").read_text().replace("rate: 260", "rate: 3600")
    text = re.sub(r"pause: [\d.]+", "pause: 0.3", text)
    shutil.copy(MODELS / "zori_open_orders.abap", tmp_path)
    path = tmp_path / "demo.yaml"
    path.write_text(text)
    return str(path)


Serve = Callable[..., Awaitable[RealService]]


@pytest.fixture
async def serve(tmp_path: Path) -> AsyncIterator[Serve]:
    """Starts a service with settings; it ends with the test."""
    started: list[RealService] = []

    async def start(**settings: str) -> RealService:
        service = RealService(tmp_path / "data", **{"ORICODE_HEARTBEAT_SECONDS": "1", **settings})
        await service.start()
        started.append(service)
        return service

    yield start
    for service in started:
        await service.kill()
