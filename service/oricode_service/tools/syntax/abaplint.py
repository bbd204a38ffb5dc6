"""Where abaplint is: the Node program that checks ABAP and the packages it needs.

In: the settings (a folder, a Node command). Out: the command to run, or why there is none. The packages are not part of
the wheel: ``npm ci --omit=dev --ignore-scripts`` puts them, exactly as locked, beside a copy of ``package.json`` and
``package-lock.json`` in any folder (``make abap``: beside the originals).
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

PACKAGED = Path(__file__).resolve().parent.parent / "abaplint"
"""Holds ``worker.mjs``, ``package.json`` and its lock; the packages go beside them unless a folder is configured."""

DEFAULT_ABAP_VERSION = "v758"


@dataclass(frozen=True, slots=True)
class Abaplint:
    """An installation, there or not."""

    folder: Path = PACKAGED
    """Its ``node_modules`` holds the packages (setting ``ORICODE_ABAPLINT_DIR``)."""
    node: str = "node"
    abap_version: str = DEFAULT_ABAP_VERSION
    """``v740`` … ``v758``, ``v816``, ``Cloud``."""

    @property
    def missing(self) -> str | None:
        """Why it cannot run, as a sentence's part; None when it can."""
        if shutil.which(self.node) is None:
            return f"Node.js ({self.node}) is not installed"
        if not (self.folder / "node_modules" / "@abaplint" / "core" / "package.json").is_file():
            return f"@abaplint/core is not installed in {self.folder}"
        return None

    @property
    def command(self) -> list[str]:
        return [
            self.node,
            "--max-old-space-size=1024",
            str(PACKAGED / "worker.mjs"),
            str(self.folder.resolve()),
            self.abap_version,
        ]
