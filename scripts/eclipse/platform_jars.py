"""Debian's Eclipse Platform 4.26 as a folder of bundles that resolve.

In: the jars of the Debian packages that ``packages.sh`` installs. Out: a folder of bundles, one for each symbolic
name. Debian links its bundles into one folder, but some that the platform requires are missing there, have no OSGi
manifest or state a version that is too old; those are packed anew here, with the packages they hold exported.
"""

from __future__ import annotations

import shutil
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import manifest

JARS = Path("/usr/share/java")
LINKED = Path("/usr/lib/eclipse/plugins")
PLAIN = (
    "sac",
    "atinject-jsr330-api",
    "geronimo-annotation-1.3-spec",
    "icu4j",
    "org.apache.felix.scr",
    "jna",
    "jna-platform",
    "eclipse-emf-ecore-change",
    "org.sat4j.core",
    "org.sat4j.pb",
)
"""Jars in Debian's folder of all Java jars that are good bundles, and only not linked."""


@dataclass(frozen=True)
class Repacked:
    """A bundle made of other jars' packages."""

    name: str
    version: str
    jars: tuple[str, ...]
    prefix: str
    """Only what lies under this folder is taken."""
    package_versions: dict[str, str] = field(default_factory=dict)
    """Where a package's version differs from the bundle's."""
    requires: str = ""


def _osgi(package: str, version: str, **versions: str) -> Repacked:
    name = f"org.osgi.{package}"
    return Repacked(name, version, ("osgi.cmpn",), name.replace(".", "/") + "/", versions)


_COMPONENT = "org.osgi.service.component"
REPACKED = (
    Repacked("org.eclipse.swt", "3.122.0", ("swt4",), "org/eclipse/swt/"),  # Debian states 3.114
    Repacked("org.tukaani.xz", "1.9.0", ("xz",), "org/tukaani/"),
    Repacked("bcprov", "1.72.0", ("bcprov",), "org/bouncycastle/"),
    Repacked("bcpg", "1.72.0", ("bcpg",), "org/bouncycastle/"),
    Repacked("org.apache.commons.jxpath", "1.3.0", ("commons-jxpath",), "org/apache/commons/jxpath/"),
    Repacked(
        "org.apache.batik.css",
        "1.12.0",
        ("batik-css", "batik-util", "batik-constants", "batik-i18n"),
        "org/apache/batik/",
        requires="org.w3c.css.sac",
    ),
    Repacked(
        _COMPONENT,
        "1.5.1",
        ("osgi.cmpn",),
        "org/osgi/service/component/",
        {_COMPONENT + part: "1.4.0" for part in ("", ".annotations", ".runtime", ".runtime.dto")},
    ),
    _osgi("service.prefs", "1.1.2"),
    _osgi("service.event", "1.4.1"),
    _osgi("util.function", "1.1.0"),
    _osgi("util.promise", "1.1.1"),
    _osgi("service.cm", "1.6.1"),
    _osgi("service.metatype", "1.4.1"),
)


def assemble(folder: Path) -> None:
    """Fill ``folder`` with the platform's bundles; what was there is replaced."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    names = set()
    for repacked in REPACKED:
        _repack(repacked, folder)
        names.add(repacked.name)
    linked = sorted(path.resolve() for path in LINKED.glob("*.jar"))
    for jar in [*linked, *(path for name in PLAIN if (path := (JARS / f"{name}.jar").resolve()).exists())]:
        name = manifest.symbolic_name(jar)
        if name and name not in names:
            names.add(name)
            shutil.copy(jar, folder / f"{name}.jar")


def _repack(repacked: Repacked, folder: Path) -> None:
    packages = set()
    with zipfile.ZipFile(folder / f"{repacked.name}.jar", "w", zipfile.ZIP_DEFLATED) as out:
        taken = set()
        for jar in repacked.jars:
            with zipfile.ZipFile(JARS / f"{jar}.jar") as archive:
                for entry in archive.namelist():
                    if entry.endswith("/") or not entry.startswith(repacked.prefix) or entry in taken:
                        continue
                    taken.add(entry)
                    out.writestr(entry, archive.read(entry))
                    if entry.endswith(".class"):
                        packages.add(entry.rsplit("/", 1)[0].replace("/", "."))
        exported = (
            f'{package};version="{repacked.package_versions.get(package, repacked.version)}"'
            for package in sorted(packages)
        )
        headers = {
            "Bundle-ManifestVersion": "2",
            "Bundle-SymbolicName": repacked.name,
            "Bundle-Version": repacked.version,
            "Export-Package": ",".join(exported),
            "DynamicImport-Package": "*",
        }
        if repacked.requires:
            headers["Require-Bundle"] = repacked.requires
        out.writestr(manifest.NAME, manifest.write(headers))
