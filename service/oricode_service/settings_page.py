"""Keeps ``docs/settings.md`` true: ``python -m oricode_service.settings_page FILE`` writes it, ``--check`` compares.

In: the fields of :class:`Settings`. Out: Markdown, one table per group.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo

from .settings import GROUPS, Settings, variables

HEAD = """\
# Settings

Read once at start, from flags of `oricode serve` (`--host`, `--port`, `--data-dir`, `--model`, `--database-url`), then
from the environment; an empty variable counts as absent. A bad setting is one line on stderr and exit code 2.
This page is generated from `service/oricode_service/settings.py` by `make schema`.
"""


def page() -> str:
    """The whole page."""
    return HEAD + "".join(_table(group) for group in GROUPS)


def _table(group: type[Any]) -> str:
    title = (group.__doc__ or "").strip()
    names = [name for name in Settings.model_fields if name in group.__annotations__]
    rows = [_row(name, Settings.model_fields[name]) for name in names]
    return f"\n## {title}\n\n| variable | default | meaning |\n| --- | --- | --- |\n" + "".join(rows)


def _row(name: str, field: FieldInfo) -> str:
    names = " or ".join(f"`{variable}`" for variable in variables(name, field))
    default = "–" if field.default is None or field.default == () else f"`{field.default}`"
    text = re.sub(r"`[^`]*`", lambda code: code[0].replace("|", "\\|"), field.description or "")
    return f"| {names} | {default} | {text} |\n"


def main(arguments: list[str]) -> int:
    """Exit code: 1 when ``--check`` finds the page stale."""
    file = Path(arguments[-1])
    if "--check" not in arguments:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(page())
        return 0
    if file.is_file() and file.read_text() == page():
        return 0
    sys.stderr.write(f"{file} is stale; run make schema\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
