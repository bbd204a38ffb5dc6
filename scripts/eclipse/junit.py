"""The plug-in's JUnit tests, with real SWT widgets on a display nobody sees. Needs ``build.py`` to have run.

Pictures of the panel go to ``test-output/eclipse``, which git ignores: for a person to look at.

    python3 scripts/eclipse/junit.py
"""

from __future__ import annotations

import os
import subprocess
import sys

import build

SHOTS = build.PROJECT / "test-output" / "eclipse"


def main() -> int:
    """Run all tests; the exit code is JUnit's."""
    SHOTS.mkdir(parents=True, exist_ok=True)
    (console,) = build.TEST_LIB.glob("junit-platform-console-standalone-*.jar")
    return subprocess.run(
        [
            *("xvfb-run", "-a", "-s", "-screen 0 1400x900x24 -nolisten tcp"),
            *("java", "-Djava.library.path=/usr/lib/jni"),
            *(f"-Dgolden={build.PROJECT / 'tests' / 'golden'}", f"-Dshots={SHOTS}"),
            *("-jar", str(console), "execute", "--details=summary", "--disable-banner"),
            *("--class-path", os.pathsep.join((str(build.TEST_CLASSES), build.class_path()))),
            *("--scan-class-path", str(build.TEST_CLASSES), "--fail-if-no-tests"),
        ],
        timeout=600,
        env={**os.environ, "NO_AT_BRIDGE": "1"},
    ).returncode


if __name__ == "__main__":
    sys.exit(main())
