"""An Eclipse installation out of bundles: ``config.ini`` and the command line that starts it.

Nothing is copied: the configuration refers to the bundles where they lie.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

import manifest

START = {
    "org.apache.felix.scr": "@1:start",
    "org.eclipse.equinox.common": "@2:start",
    "org.eclipse.equinox.event": "@2:start",
    "org.eclipse.core.runtime": "@start",
}
"""Bundles that do not start when first used, with their level."""

FRAMEWORK = "org.eclipse.osgi"
LAUNCHER = "org.eclipse.equinox.launcher"


def write(folder: Path, bundles: Iterable[Path], started: Iterable[str] = ()) -> None:
    """Write a fresh installation into ``folder``; ``started`` names further bundles that start by themselves."""
    shutil.rmtree(folder, ignore_errors=True)
    configuration = folder / "configuration"
    configuration.mkdir(parents=True)
    found = {manifest.symbolic_name(jar): jar for jar in bundles}
    levels = START | dict.fromkeys(started, "@4:start")
    listed = [
        f"reference:file:{jar}{'' if 'Fragment-Host' in manifest.read(jar) else levels.get(name, '')}"
        for name, jar in found.items()
        if name not in (FRAMEWORK, LAUNCHER)
    ]
    (configuration / "config.ini").write_text(
        f"osgi.framework=file:{found[FRAMEWORK]}\n"
        f"osgi.bundles={','.join(listed)}\n"
        "osgi.bundles.defaultStartLevel=4\n"
        "eclipse.ignoreApp=false\n"
    )


def command(folder: Path, platform: Path, application: str, *, java: Iterable[str] = ()) -> list[str]:
    """What to run; the application's own arguments go behind it. ``java`` are arguments of the virtual machine."""
    return [
        "java",
        "-Djava.library.path=/usr/lib/jni",
        *java,
        "-jar",
        str(platform / f"{LAUNCHER}.jar"),
        *("-install", str(folder)),
        *("-configuration", str(folder / "configuration")),
        *("-os", "linux", "-ws", "gtk", "-arch", "x86_64"),
        *("-consoleLog", "-nosplash", "-clean"),
        *("-application", application),
    ]
