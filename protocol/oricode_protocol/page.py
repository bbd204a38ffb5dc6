"""Keeps the generated tables of PROTOCOL.md true: ``python -m oricode_protocol.page PROTOCOL.md`` rewrites them."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from . import errors, lifecycle

TABLES = {"lifecycle": lifecycle.picture, "errors": errors.table}


def fill(text: str) -> str:
    """``text`` with every ``<!-- name -->…<!-- /name -->`` filled with its table."""
    for name, make in TABLES.items():
        mark = re.compile(f"<!-- {name} -->.*?<!-- /{name} -->", re.DOTALL)
        table = f"<!-- {name} -->\n{make()}<!-- /{name} -->"
        text = mark.sub(lambda _, table=table: table, text)  # type: ignore[misc]
    return text


if __name__ == "__main__":
    page = Path(sys.argv[1])
    page.write_text(fill(page.read_text()))
