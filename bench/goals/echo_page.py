"""A page in Chromium that runs the echo of the TypeScript client's tests."""

from __future__ import annotations

import os
import shutil

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
_FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]


def in_chromium(module: str, url: str, agent: str, limit: float) -> None:
    """Passes all cases that the server at ``url`` has; ``module`` exports ``echoAll``."""
    from playwright.sync_api import sync_playwright  # make pages-test installs it

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=_FLAGS)
        try:
            page = browser.new_page()
            page.set_default_timeout(limit * 1000)
            page.goto("http" + url.removeprefix("ws"))  # the suite says hello; a page of elsewhere may not ask it
            script = """async ([module, url, agent]) => {
                const source = URL.createObjectURL(new Blob([module], { type: "text/javascript" }));
                const { echoAll } = await import(source);
                await echoAll(WebSocket, url, agent);
            }"""
            page.evaluate(script, [module, url, agent])
        finally:
            browser.close()
