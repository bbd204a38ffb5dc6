"""What the journal holds and the ``event`` table does not: the newest events of each run, in memory for readers.

In: records as they are written. Out: those of a run behind a place in its log, and rows to file: neighbours of one name
joined, because a row a delta costs ten times as much to write, to read and to delete. Refuses what does not go on where
a log ends: the table's key would do so only when it is filed.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from operator import itemgetter

from ..port import Fenced
from ..rows import Record

ROW_BYTES = 16 * 1024
"""Joined up to this size, so that a reader's page stays small."""
_SEQ = itemgetter(1)


class Unfiled:
    """One per opened database. Belongs to the event loop's thread."""

    def __init__(self, filed: Callable[[int], int]) -> None:
        """``filed``: the last seq of a run in the table, 0 for none; asked once for each run that is written."""
        self._filed = filed
        self._records: dict[int, list[Record]] = {}
        self._ends: dict[int, int] = {}
        """Run number -> last seq."""

    def began(self, run_no: int) -> None:
        """A new run: the table has nothing of it."""
        self._ends[run_no] = 0

    def check(self, records: Iterable[Record]) -> None:
        """Raises Fenced when one of these has the place of an event that is there."""
        ends: dict[int, int] = {}
        for record in records:
            run_no, seq, _, _, data = record
            end = ends.get(run_no)
            if end is None:
                end = self._ends.get(run_no)
            if end is None:
                end = self._ends[run_no] = self._filed(run_no)
            if seq - data.count(b"\n") <= end:
                raise Fenced(f"the log was written by another process: run {run_no} has an event {end} already")
            ends[run_no] = seq

    def add(self, records: Iterable[Record]) -> None:
        """They are in the journal."""
        for record in records:
            run_no = record[0]
            held = self._records.get(run_no)
            if held is None:
                self._records[run_no] = [record]
            else:
                held.append(record)
            self._ends[run_no] = record[1]

    def of(self, run_nos: Iterable[int] | None = None) -> dict[int, list[Record]]:
        """Copies of what is held of these runs, or of all."""
        return {
            no: held[:] for no in (self._records if run_nos is None else run_nos) if (held := self._records.get(no))
        }

    def filed(self, taken: dict[int, list[Record]]) -> None:
        """These are in the table now; what came behind them stays."""
        for run_no, records in taken.items():
            held = self._records[run_no]
            del held[: len(records)]
            if not held:
                del self._records[run_no]

    def committed(self, records: Iterable[Record], ended: Iterable[int]) -> None:
        """These went into the table behind what was held; nothing more comes of the runs in ``ended``."""
        for record in records:
            self._ends[record[0]] = record[1]
        for run_no in ended:
            self._ends.pop(run_no, None)

    def behind(self, run_no: int, after: int) -> Sequence[Record]:
        """What is held of a run behind seq ``after``; the first record may begin before."""
        held = self._records.get(run_no)
        return held[bisect_right(held, after, key=_SEQ) :] if held else ()

    def at(self, run_no: int, seq: int) -> Record | None:
        """The record that holds event ``seq``."""
        held = self._records.get(run_no, [])
        place = bisect_left(held, seq, key=_SEQ)
        return held[place] if place < len(held) and held[place].first <= seq else None

    def last(self, run_no: int) -> int:
        """The last seq held of a run, 0 for none."""
        held = self._records.get(run_no)
        return held[-1][1] if held else 0


def rows(records: Iterable[Record]) -> list[Record]:
    """Rows of the table, neighbours of one run, name and epoch joined; ``records`` of a run stand together."""
    joined: list[Record] = []
    lines: list[bytes] = []
    size = 0
    former: Record | None = None
    for record in records:
        run_no, _, epoch, event, data = record
        if former is not None and (
            size + len(data) > ROW_BYTES or former[3] != event or former[2] != epoch or former[0] != run_no
        ):
            joined.append(former._replace(data=b"\n".join(lines)) if len(lines) > 1 else former)
            lines, size = [], 0
        lines.append(data)
        size += len(data) + 1
        former = record
    if former is not None:
        joined.append(former._replace(data=b"\n".join(lines)) if len(lines) > 1 else former)
    return joined
