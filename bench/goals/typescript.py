"""The TypeScript client's tests as programs for Node.js and pages."""

from __future__ import annotations

import subprocess
from pathlib import Path

TYPESCRIPT = Path(__file__).parents[2] / "clients" / "typescript"


def bundled(entry: str, *flags: str) -> str:
    """A file of the client's tests and what it imports, as one module; needs the client's packages."""
    command = ["node_modules/.bin/esbuild", f"test/{entry}", "--bundle", "--format=esm", "--log-level=error", *flags]
    return subprocess.run(command, check=True, timeout=60, capture_output=True, text=True, cwd=TYPESCRIPT).stdout
