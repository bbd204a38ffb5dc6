"""Names of stored programs: which are allowed, how they are spelled, and the file names they become.

In: a name as a model or a URL gives it. Out: its one canonical spelling, or :class:`BadProgramName`. No name and no
user can become a path: everything that is not a letter, a digit, ``_``, ``-`` or a single inner ``.`` is mapped away.
The mapping is one-to-one, so two programs or two users never share a file.
"""

from __future__ import annotations

import re
from hashlib import sha256

MAX_LENGTH = 40
"""ABAP's limit for a report, namespace included."""

PATTERN = r"(?:/[A-Za-z0-9_]{1,10}/)?[A-Za-z0-9_]+(?:[.-][A-Za-z0-9_]+)*"
"""An ABAP name with an optional /NAMESPACE/, or a file name like ``config.json``; match it whole."""

_NAME = re.compile(PATTERN)
_SAFE_IN_USER = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")
_LONGEST_USER_FOLDER = 120


class BadProgramName(ValueError):
    """The name is refused; its text says why, for the model and for a person."""


def canonical(name: str) -> str:
    """The spelling under which a program is stored.

    ABAP names are case-insensitive, so ``zfoo`` and ``ZFOO`` are one program, spelled ``ZFOO``. A name with a dot is
    a file name and keeps its case. Raises :class:`BadProgramName`.
    """
    if not name or len(name) > MAX_LENGTH:
        raise BadProgramName(f"a program name has 1 to {MAX_LENGTH} characters, this one has {len(name)}")
    if not _NAME.fullmatch(name):
        raise BadProgramName(
            f"{name!r} is not a program name: letters, digits and _ with single dots or hyphens between them, "
            "optionally after a /NAMESPACE/"
        )
    return name if "." in name else name.upper()


def default_name(chat_id: str) -> str:
    """The program a call without a name means: one per chat, the same after a restart."""
    return "CHAT_" + sha256(chat_id.encode("utf-8", "surrogatepass")).hexdigest()[:12].upper()


def file_stem(name: str) -> str:
    """A canonical name as one path component, namespaces as abapGit writes them: ``/ACME/ZFOO`` -> ``#acme#zfoo``."""
    return (name if "." in name else name.lower()).replace("/", "#")


def user_folder(user: str) -> str:
    """A user's id as one path component: other bytes become ``%XX``, very long ids end in a hash."""
    encoded = "".join(
        chr(byte) if byte in _SAFE_IN_USER else f"%{byte:02X}" for byte in user.encode("utf-8", "surrogatepass")
    )
    if len(encoded) > _LONGEST_USER_FOLDER:
        digest = sha256(user.encode("utf-8", "surrogatepass")).hexdigest()
        return f"{encoded[:40]}~{digest}"
    return encoded or "%"
