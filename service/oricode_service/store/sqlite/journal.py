"""The journal of deltas: files that flushes are appended to, until what they hold is filed in the ``event`` table.

In: flushes, one write each, whatever runs their events belong to. Out: after a crash, the records that were written, in
order, up to the first entry that is not whole. A write survives a kill; nothing here waits for the disk, so a power cut
may take the end of the newest file, or all of it. Which records are filed already is for the caller to know.

A file begins with a line that names the opening of the database it belongs to: beside a database that was put there
from elsewhere it says nothing. Then come entries: CRC-32, size, and for each record a line of its fields and its data.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from zlib import crc32

from ..port import StoreUnavailable
from ..rows import Record

NAME = "oricode.deltas-"
"""A file's name is this and its number; the highest one is written to."""
_HEAD = struct.Struct("<II")
_TITLE = b"oricode deltas 1 %b\n"


class Journal:
    """The writing end."""

    def __init__(self, folder: Path, opening: str) -> None:
        """``opening``: a name of this opening of the database, fresh and without white space. Raises OSError."""
        self._folder = folder
        self._title = _TITLE % opening.encode()
        self._number = max(map(_number, files(folder)), default=0)
        self._file = -1
        self.size = 0
        """Bytes of the file that is written to."""
        self.turn()

    def turn(self) -> int:
        """Go on in a new file; the number of the former one, which is complete. Raises OSError."""
        if self.size or self._file < 0:  # else it is new, and trying again makes no more files
            path = self._folder / f"{NAME}{self._number + 1}"
            file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            if self._file >= 0:
                os.close(self._file)
            self._file, self.size, self._number = file, 0, self._number + 1
        return self._number - 1

    def append(self, records: Sequence[Record]) -> None:
        """Write a flush, whole or not at all. Raises StoreUnavailable."""
        parts: list[bytes] = []
        for run_no, seq, epoch, event, data in records:
            parts.append(f"{run_no} {seq} {epoch} {event} {len(data)}\n".encode())
            parts.append(data)
        body = b"".join(parts)
        entry = _HEAD.pack(crc32(body), len(body)) + body
        if not self.size:
            entry = self._title + entry
        try:
            # At its place rather than at the end: what a full disk took of it is written over by the next try.
            written = os.pwrite(self._file, entry, self.size)
        except OSError as error:
            raise StoreUnavailable(f"the journal cannot be written: {error.strerror}") from error
        if written != len(entry):
            raise StoreUnavailable("the journal cannot be written: the disk is full")
        self.size += written

    def drop(self, upto: int) -> None:
        """Remove the files up to this number: what they held is filed."""
        drop(self._folder, upto)

    def close(self) -> None:
        """Write no more; the files stay."""
        os.close(self._file)


def files(folder: Path) -> list[Path]:
    """The journal's files, in the order in which they were written."""
    found = [path for path in folder.glob(f"{NAME}*") if path.name.removeprefix(NAME).isdecimal()]
    return sorted(found, key=_number)


def drop(folder: Path, upto: float) -> None:
    """Remove the files with numbers up to ``upto``."""
    for path in files(folder):
        if _number(path) <= upto:
            path.unlink(missing_ok=True)


def read(folder: Path, opening: str) -> Iterator[Record]:
    """What was written under the name ``opening``; see the module."""
    title = _TITLE % opening.encode()
    for path in files(folder):
        content = path.read_bytes()
        if content.startswith(title):
            yield from _records(content, len(title))


def _records(content: bytes, at: int) -> Iterator[Record]:
    while at + _HEAD.size <= len(content):
        check, size = _HEAD.unpack_from(content, at)
        body = content[at + _HEAD.size : at + _HEAD.size + size]
        if not size or len(body) != size or crc32(body) != check:
            return
        yield from _parsed(body)
        at += _HEAD.size + size


def _parsed(body: bytes) -> Iterator[Record]:
    at = 0
    while at < len(body):
        end = body.index(b"\n", at)
        run_no, seq, epoch, event, size = body[at:end].split(b" ")
        at = end + 1 + int(size)
        yield Record(int(run_no), int(seq), int(epoch), event.decode(), body[end + 1 : at])


def _number(path: Path) -> int:
    return int(path.name.removeprefix(NAME))
