"""What a process left in its journal when it ended, filed at the next opening.

In: the data directory, and a fresh name for this opening. Out: the ``event`` table has every event that was written,
and the journal is empty. Only what goes on where a live run's log ends is filed: the rest is filed already, or a power
cut took what was before it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from math import inf
from pathlib import Path

from ..rows import Record
from . import journal, operations
from .unfiled import rows

_OPENING = "opening"
_END = "select coalesce(max(seq), 0) from event where run_no = ?"
_LIVE = "select 1 from run where no = ? and status in ('queued', 'running')"


def recover(db: sqlite3.Connection, folder: Path, opening: str) -> None:
    """File what is left, and name this opening. Raises sqlite3.Error or OSError; repeat it then."""
    db.execute("begin immediate")
    try:
        found = db.execute("select value from meta where key = ?", (_OPENING,)).fetchone()
        by_run: dict[int, list[Record]] = {}
        for record in journal.read(folder, found[0] if found else ""):
            by_run.setdefault(record.run_no, []).append(record)
        for run_no, records in by_run.items():
            if db.execute(_LIVE, (run_no,)).fetchone():
                (end,) = db.execute(_END, (run_no,)).fetchone()
                operations.apply(db, rows(_going_on(records, end)), ())
        db.execute("insert or replace into meta values (?, ?)", (_OPENING, opening))
        db.execute("commit")
    except BaseException:
        db.execute("rollback")
        raise
    journal.drop(folder, inf)


def _going_on(records: Iterable[Record], end: int) -> list[Record]:
    """Those behind seq ``end``, as far as there is no hole."""
    found: list[Record] = []
    for record in records:
        if record.first == end + 1:
            found.append(record)
            end = record.seq
        elif record.first > end + 1:
            break
    return found
