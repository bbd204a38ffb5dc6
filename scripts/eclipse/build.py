"""The plug-in's bundles: compiled against Debian's Eclipse 4.26, the oldest platform that is supported.

In: ``clients/eclipse``, the Java client's jar, Gson as Maven resolved it for the client. Out, under
``clients/eclipse/target``: ``platform/`` (Debian's bundles), ``bundles/`` (what the update site ships),
``test-bundles/`` (the probe, which reads widgets for tests), ``test-classes/`` and ``test-lib/``.

    python3 scripts/eclipse/build.py
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterable
from pathlib import Path

import manifest
import platform_jars

PROJECT = Path(__file__).resolve().parents[2]
SOURCES = PROJECT / "clients" / "eclipse"
CLIENT = PROJECT / "clients" / "java"
TARGET = SOURCES / "target"
PLATFORM, BUNDLES, TEST_BUNDLES = TARGET / "platform", TARGET / "bundles", TARGET / "test-bundles"
TEST_CLASSES, TEST_LIB = TARGET / "test-classes", TARGET / "test-lib"

MAVEN = ["mvn", "-B", "-q", "-ntp"]
COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
JUNIT = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy"
CONSOLE = "org.junit.platform:junit-platform-console-standalone:1.13.4"


def main() -> None:
    """Build everything anew; the platform only when it is not there yet."""
    if not (PLATFORM / ".complete").exists():
        platform_jars.assemble(PLATFORM)
        (PLATFORM / ".complete").touch()
    for folder in (BUNDLES, TEST_BUNDLES, TEST_CLASSES):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    _client()
    _bundle("io.oricode.eclipse.core", BUNDLES)
    _bundle("io.oricode.eclipse.ui", BUNDLES)
    _bundle("io.oricode.eclipse.probe", TEST_BUNDLES)
    _tests()


def _client() -> None:
    """The client and Gson: bundles already, taken as they are."""
    _run([*MAVEN, "-f", str(CLIENT / "pom.xml"), "-Dmaven.test.skip=true", "package"])
    _run(
        [*MAVEN, "-f", str(CLIENT / "pom.xml"), COPY, "-DincludeArtifactIds=gson", f"-DoutputDirectory={BUNDLES}"],
    )
    (jar,) = (jar for jar in (CLIENT / "target").glob("oricode-client-*.jar") if "sources" not in jar.name)
    shutil.copy(jar, BUNDLES)
    for jar in list(BUNDLES.glob("*.jar")):
        jar.rename(BUNDLES / _file_name(manifest.read(jar)))


def _bundle(name: str, into: Path) -> None:
    """Compile one bundle in the layout that Eclipse's own tools use, and pack it."""
    source = SOURCES / name
    classes = TARGET / "classes" / name
    _compile([source / "src"], classes)
    text = (source / manifest.NAME).read_text()
    headers = dict(line.split(": ", 1) for line in text.replace("\n ", "").split("\n") if ": " in line)
    with zipfile.ZipFile(into / _file_name(headers), "w", zipfile.ZIP_DEFLATED) as jar:
        jar.writestr(manifest.NAME, text)
        for root, shipped in ((classes, sorted(classes.rglob("*"))), (source, _shipped(source))):
            for path in shipped:
                if path.is_file():
                    jar.write(path, path.relative_to(root))


def _shipped(source: Path) -> list[Path]:
    icons = source / "icons"
    return [path for path in (source / "plugin.xml", *sorted(icons.rglob("*"))) if path.is_file()]


def _file_name(headers: dict[str, str]) -> str:
    """The name by which p2 knows a bundle's file."""
    return f"{headers['Bundle-SymbolicName'].split(';')[0]}_{headers['Bundle-Version']}.jar"


def _tests() -> None:
    TEST_LIB.mkdir(exist_ok=True)
    if not any(TEST_LIB.glob("junit-platform-console-standalone-*.jar")):
        _run([*MAVEN, JUNIT, f"-Dartifact={CONSOLE}", f"-DoutputDirectory={TEST_LIB}"])
    _compile([SOURCES / "tests" / "src"], TEST_CLASSES)


def _compile(roots: Iterable[Path], classes: Path) -> None:
    shutil.rmtree(classes, ignore_errors=True)
    classes.mkdir(parents=True)
    sources = [str(path) for root in roots for path in sorted(root.rglob("*.java"))]
    lint = "-Xlint:all,-serial,-path,-classfile,-processing"
    _run(["javac", "--release", "17", lint, "-Werror", "-d", str(classes), "-cp", class_path(), *sources])


def class_path() -> str:
    """The platform, our bundles and the test library."""
    folders = (PLATFORM, BUNDLES, TEST_BUNDLES, TEST_LIB)
    return os.pathsep.join(str(jar) for folder in folders for jar in sorted(folder.glob("*.jar")))


def _run(command: list[str]) -> None:
    done = subprocess.run(command, cwd=SOURCES)
    if done.returncode != 0:
        sys.exit(f"{command[0]} failed")


if __name__ == "__main__":
    main()
