"""Links lead to files and headings that are there; pictures are small enough to load at once."""

from __future__ import annotations

import pytest
from docs.pages import PROJECT, anchors, links, pages

PICTURE_BYTES = 200_000


@pytest.mark.parametrize("page", pages())
def test_links_lead_somewhere(page: str) -> None:
    for link in links(page):
        if "://" in link or link.startswith("mailto:"):
            continue
        target, _, anchor = link.partition("#")
        file = (PROJECT / page).parent / target if target else PROJECT / page
        assert file.exists(), link
        if anchor:
            assert anchor in anchors(str(file.resolve().relative_to(PROJECT))), link


@pytest.mark.parametrize("page", pages())
def test_pictures_are_small_and_described(page: str) -> None:
    text = (PROJECT / page).read_text()
    assert "![](" not in text, "a picture without a description"
    for link in links(page):
        if link.endswith((".png", ".jpg", ".gif")) and "://" not in link:
            assert ((PROJECT / page).parent / link).stat().st_size < PICTURE_BYTES, link


def test_every_document_can_be_reached_from_the_readme() -> None:
    reached, todo = set(), ["README.md"]
    while todo:
        page = todo.pop()
        if page in reached:
            continue
        reached.add(page)
        for link in links(page):
            file = ((PROJECT / page).parent / link.partition("#")[0]).resolve()
            if file.is_dir():
                todo += [str(one.relative_to(PROJECT)) for one in file.glob("*.md")]
            elif file.suffix == ".md" and file.exists():
                todo.append(str(file.relative_to(PROJECT)))
    assert set(pages()) - reached == set()
