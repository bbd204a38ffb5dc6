"""The operator's questions to SQLite: asked on a thread and a connection of their own, so that no stream waits."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

from ..port import StoreUnavailable
from ..rows import LiveRow, ReportRow
from .database import connect


class SqliteReports:
    """Implements :class:`~oricode_service.store.port.ReportStore`; works beside a running service too."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir

    async def runs(self, since: int, until: int) -> list[ReportRow]:
        try:
            return await asyncio.to_thread(self._runs, since, until)
        except sqlite3.Error as trouble:
            raise StoreUnavailable(str(trouble)) from trouble

    async def live(self, limit: int) -> tuple[int, list[LiveRow]]:
        try:
            return await asyncio.to_thread(self._live, limit)
        except sqlite3.Error as trouble:
            raise StoreUnavailable(str(trouble)) from trouble

    def _live(self, limit: int) -> tuple[int, list[LiveRow]]:
        with closing(connect(self._data_dir, read_only=True)) as reader:
            found = reader.execute(
                "select count(*) over (), id, user, status, labels, created_at from run"
                " where status in ('queued', 'running') order by created_at, no limit ?",
                (limit,),
            ).fetchall()
            return (found[0][0] if found else 0), [LiveRow(*values[1:]) for values in found]

    def _runs(self, since: int, until: int) -> list[ReportRow]:
        with closing(connect(self._data_dir, read_only=True)) as reader:
            found = reader.execute(
                "select created_at, finished_at, status, labels, rating from run"
                " where created_at >= ? and created_at < ? order by created_at",
                (since, until),
            )
            return [ReportRow(*values) for values in found]
