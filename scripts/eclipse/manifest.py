"""OSGi manifests: read from a jar, written with their 72-byte lines."""

from __future__ import annotations

import zipfile
from pathlib import Path

NAME = "META-INF/MANIFEST.MF"


def read(jar: Path) -> dict[str, str]:
    """The main headers of a jar's manifest; empty when it has none."""
    with zipfile.ZipFile(jar) as archive:
        if NAME not in archive.namelist():
            return {}
        text = archive.read(NAME).decode().replace("\r\n", "\n").replace("\n ", "")
    main = text.split("\n\n", 1)[0]
    return dict(line.split(": ", 1) for line in main.split("\n") if ": " in line)


def symbolic_name(jar: Path) -> str:
    """The bundle's symbolic name; empty when the jar is no bundle."""
    return read(jar).get("Bundle-SymbolicName", "").split(";")[0].strip()


def write(headers: dict[str, str]) -> str:
    """A manifest's text."""
    lines = ["Manifest-Version: 1.0"]
    for name, value in headers.items():
        line = f"{name}: {value}"
        lines.append(line[:70])
        lines += [" " + line[i : i + 69] for i in range(70, len(line), 69)]
    return "\n".join(lines) + "\n"
