"""The documents, and what they hold: links, headings, commands.

A command is a line of a fenced ``sh`` or ``console`` block, or code between backticks that begins with a program and
has arguments. Continued lines are joined, comments left out.
"""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path
from typing import NamedTuple

PROJECT = Path(__file__).resolve().parents[2]
PROGRAMS = (
    "make",
    "oricode",
    "docker",
    "python",
    "curl",
    "npm",
    "npx",
    "mvn",
    "java",
    "kill",
    "systemctl",
    "git",
    "pip",
    "uv",
)
_FENCE = re.compile(r"^ *```(\w*)[^\n]*\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")


class Command(NamedTuple):
    """A command of a document."""

    page: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}: {self.text}"


def pages() -> list[str]:
    """Every Markdown file of the project, as a path from its root."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
        cwd=PROJECT, capture_output=True, text=True, timeout=60, check=True,
    ).stdout  # fmt: skip
    found = [name for name in listed.split("\n") if name and "/prompts/" not in name]
    return sorted(name for name in found if (PROJECT / name).exists())


def text_of(page: str) -> str:
    return (PROJECT / page).read_text()


def prose(page: str) -> str:
    """The document without its blocks of code."""
    return _FENCE.sub("", text_of(page))


def anchors(page: str) -> set[str]:
    """Where a link into the document may lead, by GitHub's rules."""
    found: set[str] = set()
    for heading in re.findall(r"^#+ +(.+?) *$", prose(page), re.MULTILINE):
        plain = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading)
        name = re.sub(r"[^\w\- ]", "", plain.lower().replace("`", "")).replace(" ", "-")
        number = 0
        while (unique := f"{name}-{number}" if number else name) in found:
            number += 1
        found.add(unique)
    return found


def links(page: str) -> list[str]:
    """Targets of links and pictures, outside of code."""
    return re.findall(r"\]\(([^)\s]+)\)", _INLINE.sub("", prose(page)))


def commands(page: str) -> list[Command]:
    """The commands of a document, each once."""
    found = []
    for language, block in _FENCE.findall(text_of(page)):
        if language in ("sh", "console", "bash", "shell"):
            lines = re.sub(r"\\\n\s*", "", block).splitlines()
            found += [line.strip().removeprefix("$ ") for line in lines]
    found += [code for code in _INLINE.findall(prose(page)) if _is_command(code)]
    return [Command(page, made) for made in dict.fromkeys(map(_without_comment, found)) if made]


def _is_command(code: str) -> bool:
    """``oricode report`` and ``kill -9`` only name something; what has more words is meant to be typed."""
    program, _, rest = code.partition(" ")
    return Path(program).name in PROGRAMS and len(rest.split()) > (Path(program).name in ("oricode", "kill"))


def _without_comment(line: str) -> str:
    if "#" not in line:
        return line
    return shlex.join(shlex.split(line, comments=True)) if re.search(r"(^|\s)#", line) else line


def indented_commands(page: str) -> list[str]:
    """Commands in blocks that are code by indentation only, which nobody would find here."""
    programs = "|".join(PROGRAMS)
    return re.findall(rf"(?:^|\n)\n    ((?:\S*/)?(?:{programs}) [^\n]+)", prose(page))
