"""What a failed fsync leaves behind, and how the WAL is made whole again.

In: the writing connection and the path of its WAL, after SQLite reported that an fsync failed. Out: the same WAL, every
byte of it written once more and on disk; or OSError, as long as the disk refuses. After a failed fsync the kernel may
keep the written pages as if they were clean: the next fsync succeeds without them. SQLite writes the frames of the
refused transaction again, but not those before it that were waiting for the same fsync: deltas that were filed without
one. A hole in the WAL ends it at the next start after a power cut, with all that was fsynced behind the hole
(docs/decisions/0016).

Not found out: pages that the kernel dropped from memory before they are read here; they come back as the disk has them.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

_PIECE = 1 << 20


def rewrite(db: sqlite3.Connection, wal: Path) -> None:
    """Write the WAL's bytes where they are, and fsync; nobody else appends meanwhile."""
    db.execute("begin immediate")
    try:
        # A file of its own: SQLite's locks are on other files, so closing this one takes none away.
        descriptor = os.open(wal, os.O_RDWR | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)  # while this fails there is no use in writing
            place = 0
            while piece := os.pread(descriptor, _PIECE, place):
                _write(descriptor, piece, place)
                place += len(piece)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    finally:
        db.execute("rollback")


def _write(descriptor: int, piece: bytes, place: int) -> None:
    while piece:
        written = os.pwrite(descriptor, piece, place)
        piece, place = piece[written:], place + written
