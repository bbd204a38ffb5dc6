"""Who watches a run, and whether anybody did when it ended, at whatever instance.

In: viewers of this process that come, leave, or take the terminal event; ends of the runs of this process. Out: the
label ``watched`` of ended runs, and the observer's count of those that ended unwatched. Nothing here per event: an
instance whose viewer took the end of another instance's run says so in the run's row, once, when that viewer leaves.
The instance that ran it gives the others a moment before it counts the run as unwatched.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Coroutine, Mapping
from typing import Any

from oricode_protocol import codec

from ..store.patience import until_available
from ..store.port import StoreUnavailable
from ..store.rows import RunRow
from .observer import RunEnd
from .ports import Ports

WATCHED = "watched"
"""Label of an ended run: ``yes`` or ``no``."""


class Watching:
    """One per process. Belongs to the event loop's thread."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._viewers: Counter[int] = Counter()
        """Of this process, by run, also of runs that another process writes: it may come to this one."""
        self._tasks: dict[int, asyncio.Task[None]] = {}
        """What is being written or looked up, by run."""

    def viewers(self, run_no: int) -> int:
        """How many there are here."""
        return self._viewers[run_no]

    def came(self, run_no: int) -> None:
        self._viewers[run_no] += 1

    def left(self, run_no: int) -> None:
        self._viewers[run_no] -= 1
        if not self._viewers[run_no]:
            del self._viewers[run_no]

    def saw_end(self, row: RunRow) -> None:
        """A viewer here was connected when the run ended, and took its terminal event."""
        if self._ports.elsewhere_seconds and not self._ports.logs.owns(row.no) and row.no not in self._tasks:
            self._start(row.no, self._tell(row))

    def ended(self, row: RunRow, end: RunEnd) -> None:
        """A run of this process came to its end."""
        if end.watched:
            return
        wait = self._ports.elsewhere_seconds
        if wait:
            asyncio.get_running_loop().call_later(wait, self._look, row)
        else:
            self._ports.observer.run_unwatched(end.labels)

    def _look(self, row: RunRow) -> None:
        self._start(row.no, self._count(row))

    async def _count(self, row: RunRow) -> None:
        held = await until_available(lambda: self._ports.runs.get(row.id, row.user))
        if held is None:  # its chat was deleted meanwhile
            return
        labels: Mapping[str, str] = codec.loads(held.labels)
        if labels.get(WATCHED) == "no":
            self._ports.observer.run_unwatched(labels)

    async def _tell(self, row: RunRow) -> None:
        with contextlib.suppress(StoreUnavailable):  # then it counts as unwatched
            held = await self._ports.runs.get(row.id, row.user)
            labels = codec.loads(held.labels) if held is not None else {}
            if held is not None and labels.get(WATCHED) == "no":
                await self._ports.runs.relabel(row.no, held.labels, codec.dumps({**labels, WATCHED: "yes"}))

    def _start(self, run_no: int, work: Coroutine[Any, Any, None]) -> None:
        task = self._tasks[run_no] = asyncio.create_task(work)
        task.add_done_callback(lambda _: self._tasks.pop(run_no, None))
