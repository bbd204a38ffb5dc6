"""Languages of stored programs: what a program is written in, and the file it becomes.

In: what the chunks said, the program's name and its text. Out: a language name, or an ABAP object's kind and file
name. ABAP unless something says otherwise. Nothing is parsed here; the guesses look at a name's ending and at the
first characters of the text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal

from .program_names import file_stem

_ALIASES = {"py": "python", "python3": "python", "yml": "yaml", "xsd": "xml", "abap-cloud": "abap"}
_BY_ENDING = {
    ".abap": "abap", ".py": "python", ".json": "json", ".xml": "xml", ".yaml": "yaml", ".yml": "yaml"
}  # fmt: skip
_ENDINGS = {"python": ".py", "json": ".json", "xml": ".xml", "yaml": ".yaml"}

ObjectKind = Literal["prog", "clas", "intf"]
_HEAD = 20_000
"""Characters looked at: a repository object says what it is at its top, and no text can make the guess slow."""
_GLOBAL_CLASS = re.compile(r"^[ \t]*class\s+\S+\s+definition\b[^.]{0,300}\bpublic\b", re.I | re.M)
_GLOBAL_INTERFACE = re.compile(r"^[ \t]*interface\s+\S+\s+public\b", re.I | re.M)
_PROGRAM = re.compile(r"^[ \t]*(?:report|program)\s+[\w/]+", re.I | re.M)


@dataclass(frozen=True, slots=True)
class AbapObject:
    """The repository object an ABAP source is the text of."""

    name: str
    kind: ObjectKind
    """Report or other program, global class, global interface."""

    @property
    def file_name(self) -> str:
        """As abapGit names it: ``zfoo.prog.abap``, ``#acme#zcl_x.clas.abap``."""
        return f"{file_stem(self.name)}.{self.kind}.abap"


def canonical(language: str) -> str:
    """Lower case, well-known other spellings folded; names nobody knows pass through."""
    lowered = language.strip().lower()
    return _ALIASES.get(lowered, lowered)


def detect(name: str, source: str, declared: str | None) -> str:
    """The language of a program: what was declared, else by the name's ending, else by how the text begins."""
    if declared:
        return canonical(declared)
    if by_ending := _BY_ENDING.get(PurePosixPath(name.lower()).suffix):
        return by_ending
    start = source.lstrip("\ufeff \t\r\n")[:100]
    if start.startswith("<?xml"):
        return "xml"
    if start.startswith(("{", "[")):
        return "json"
    if start.startswith("#!") and "python" in start.splitlines()[0]:
        return "python"
    return "abap"


def abap_object(name: str, source: str) -> AbapObject:
    """What kind of object an ABAP source is; a report or anything unclear is a program."""
    head = source[:_HEAD]
    kind: ObjectKind = "prog"
    if not _PROGRAM.search(head):
        if _GLOBAL_CLASS.search(head):
            kind = "clas"
        elif _GLOBAL_INTERFACE.search(head):
            kind = "intf"
    return AbapObject(name, kind)


def file_name(name: str, source: str, language: str) -> str:
    """One path component for a program's file; a name that has an ending keeps it."""
    if "." in name:
        return file_stem(name)
    if language == "abap":
        return abap_object(name, source).file_name
    return file_stem(name) + _ENDINGS.get(language, ".txt")
