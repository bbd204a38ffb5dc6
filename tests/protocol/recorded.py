"""The golden files, as the tests of the protocol read them. They were written by hand or reviewed, never by a test."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

GOLDEN = Path(__file__).parents[1] / "golden"


def recorded(kind: str) -> dict[str, dict[str, Any]]:
    """Name -> content of ``golden/<kind>/*.json``, read by the standard library: the codec is under test."""
    found = {path.stem: json.loads(path.read_text("utf-8")) for path in sorted((GOLDEN / kind).glob("*.json"))}
    assert found, f"no golden files of kind {kind}"
    return found


def read(name: str) -> Any:
    """One golden file."""
    return json.loads((GOLDEN / name).read_text("utf-8"))
