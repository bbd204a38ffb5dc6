"""The playground as a person uses it."""

from __future__ import annotations

from pathlib import Path

from clients.real_service import RealService
from playwright.async_api import Locator, Page, expect

PICTURES = Path(__file__).resolve().parents[2] / "test-output" / "pages"


class Playground:
    """One page of one service."""

    def __init__(self, page: Page, service: RealService) -> None:
        self.page = page
        self.service = service

    async def open(self) -> None:
        """With the key handed over in the address, as the service's banner does."""
        await self.page.goto(f"{self.service.url}/#key={self.service.key}")
        await self.ready()

    async def ready(self) -> None:
        await expect(self.page.locator("#model option")).not_to_have_count(0)

    async def asks(self, prompt: str, *, model: str | None = None, transport: str | None = None) -> None:
        if model:
            await self.page.get_by_label("Model").select_option(model)
        if transport:
            await self.page.get_by_label("Transport").select_option(transport)
        await self.page.get_by_label("Prompt").fill(prompt)
        await self.page.get_by_label("Prompt").press("Enter")

    async def picture(self, name: str) -> None:
        PICTURES.mkdir(parents=True, exist_ok=True)
        await self.page.screenshot(path=PICTURES / f"{name}.png")

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    @property
    def answer(self) -> Locator:
        """The latest answer."""
        return self.page.locator("#log .turn").last.locator(".answer")

    @property
    def end(self) -> Locator:
        return self.page.locator("#log .turn").last.locator(".turn-end")

    @property
    def label(self) -> Locator:
        return self.page.locator("#meter-label")

    @property
    def percent(self) -> Locator:
        return self.page.locator("#meter-percent")

    async def said(self) -> str:
        """The text of the latest answer; tool cards and the captions of code left out."""
        return await text_of(self.answer)


async def text_of(answer: Locator) -> str:
    """The text of an answer as it is drawn, without what the page adds to it."""
    parts: list[str] = await answer.locator(":scope > .markdown").evaluate_all(
        """parts => parts.map(part => {
            const copy = part.cloneNode(true);
            for (const caption of copy.querySelectorAll("figcaption")) caption.remove();
            return copy.textContent;
        })"""
    )
    return "\n".join(parts)
