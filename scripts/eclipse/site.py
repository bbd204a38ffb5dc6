"""The p2 update site, and its installation by the p2 director as "Install New Software" does it.

In: ``clients/eclipse/target/bundles`` (see ``build.py``) and the feature. Out: ``clients/eclipse/target/site``, a
folder to be served by any web server. The platform's own bundles are published only for the check.

    python3 scripts/eclipse/site.py           writes the site
    python3 scripts/eclipse/site.py --check   writes it and installs the feature from it into a scratch folder
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import build
import installation

SITE = build.TARGET / "site"
WORK = build.TARGET / "site-work"
FEATURE = "io.oricode.eclipse.feature"
PUBLISHER = "org.eclipse.equinox.p2.publisher"
JAVA_PACKAGES = (Path(__file__).parent / "java17_packages.txt").read_text().split()
"""Packages of a Java 17 runtime, which p2 wants to see provided by something."""


def main(arguments: list[str]) -> None:
    """Publish; with ``--check`` install from it."""
    shutil.rmtree(WORK, ignore_errors=True)
    shutil.rmtree(SITE, ignore_errors=True)
    p2 = WORK / "p2"
    installation.write(p2, build.PLATFORM.glob("*.jar"))
    source = WORK / "source"
    shutil.copytree(build.BUNDLES, source / "plugins")
    (source / "features").mkdir()
    feature = build.SOURCES / FEATURE
    with zipfile.ZipFile(source / "features" / f"{FEATURE}_1.0.0.jar", "w") as jar:
        jar.write(feature / "feature.xml", "feature.xml")
    _publish(p2, SITE, source)
    _run(
        p2,
        f"{PUBLISHER}.CategoryPublisher",
        *("-metadataRepository", SITE.as_uri(), "-compress"),
        *("-categoryDefinition", (feature / "category.xml").as_uri()),
    )
    sys.stdout.write(f"update site: {SITE.relative_to(build.PROJECT)}\n")
    if arguments == ["--check"]:
        _install(p2)


def _publish(p2: Path, site: Path, source: Path) -> None:
    _run(
        p2,
        f"{PUBLISHER}.FeaturesAndBundlesPublisher",
        *("-metadataRepository", site.as_uri(), "-artifactRepository", site.as_uri()),
        *("-source", str(source), "-publishArtifacts", "-compress"),
    )


def _install(p2: Path) -> None:
    """Install from the site on top of the platform's bundles; fails as the director does."""
    platform, java, target = WORK / "platform-site", WORK / "java-site", WORK / "installed"
    source = WORK / "platform-source" / "plugins"
    shutil.copytree(build.PLATFORM, source)
    _publish(p2, platform, source.parent)
    java.mkdir()
    (java / "content.xml").write_text(_java_runtime())
    _run(
        p2,
        "org.eclipse.equinox.p2.director",
        *("-repository", ",".join(site.as_uri() for site in (SITE, platform, java))),
        *("-installIU", f"{FEATURE}.feature.group", "-destination", str(target), "-profile", "Check"),
        *("-profileProperties", "org.eclipse.update.install.features=true"),
        *("-p2.os", "linux", "-p2.ws", "gtk", "-p2.arch", "x86_64", "-roaming"),
    )
    installed = {jar.name for jar in (target / "plugins").glob("*.jar")}
    missing = {jar.name for jar in build.BUNDLES.glob("*.jar")} - installed
    if missing or not (target / "features").is_dir():
        sys.exit(f"the director left out {sorted(missing) or 'the feature'}")
    sys.stdout.write(f"installed from the update site: {len(installed)} bundles\n")


def _java_runtime() -> str:
    """A repository with one unit: what a Java 17 runtime provides."""
    provided = [("org.eclipse.equinox.p2.iu", "a.jre.javase", "17.0.0")]
    provided += [("java.package", package, "0.0.0") for package in JAVA_PACKAGES]
    provided += [("osgi.ee", "JavaSE", f"1.{minor}.0") for minor in range(2, 9)]
    provided += [("osgi.ee", "JavaSE", f"{major}.0.0") for major in range(9, 18)]
    lines = [f'<provided namespace="{space}" name="{name}" version="{v}"/>' for space, name, v in provided]
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<?metadataRepository version="1.2.0"?>\n'
        '<repository name="java" type="org.eclipse.equinox.internal.p2.metadata.repository.LocalMetadataRepository"'
        ' version="1"><units size="1"><unit id="a.jre.javase" version="17.0.0" singleton="false">'
        f'<provides size="{len(lines)}">{"".join(lines)}</provides>'
        '<touchpoint id="null" version="0.0.0"/></unit></units></repository>\n'
    )


def _run(p2: Path, application: str, *arguments: str) -> None:
    command = [*installation.command(p2, build.PLATFORM, application), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=WORK)
    if done.returncode != 0:
        sys.exit(f"{application} failed with {done.returncode}:\n{done.stdout[-4000:]}{done.stderr[-4000:]}")


if __name__ == "__main__":
    main(sys.argv[1:])
