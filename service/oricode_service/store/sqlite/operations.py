"""The operations of a durable commit, applied inside its transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from ..rows import AddMessage, Ask, CloseQuestion, FinishEffect, FinishRun, Op, Record, StartEffect


def apply(db: sqlite3.Connection, records: Sequence[Record], ops: Sequence[Op]) -> None:
    """Store the events, then the operations, in order."""
    db.executemany("insert into event (run_no, seq, epoch, event, data) values (?, ?, ?, ?, ?)", records)
    for op in ops:
        match op:
            case AddMessage(run_no, chat_no, m):
                db.execute(
                    "insert into message (chat_no, run_no, turn, role, key, content, meta, at)"
                    " values (?, ?, ?, ?, ?, ?, ?, ?)",
                    (chat_no, run_no, m.turn, m.role, m.key, m.content, m.meta, m.at),
                )
            case FinishRun(run_no, status, at, result, labels):
                db.execute(
                    "update run set status = ?, finished_at = ?, result = ?, labels = coalesce(?, labels),"
                    " last_seq = (select max(seq) from event where run_no = run.no) where no = ?",
                    (status, at, result, labels, run_no),
                )
                db.execute(
                    "update pending set closed = 1 where run_no = ? and answer is null",
                    (run_no,),
                )
                db.execute(
                    "update chat set updated_at = ? where no = (select chat_no from run where no = ?)", (at, run_no)
                )
            case StartEffect(run_no, key, at):
                db.execute("insert into effect (key, run_no, started_at) values (?, ?, ?)", (key, run_no, at))
            case FinishEffect(key, result, at):
                db.execute("update effect set done_at = ?, result = ? where key = ?", (at, result, key))
            case Ask(p):
                db.execute(
                    "insert into pending (run_no, key, kind, expires_at, question) values (?, ?, ?, ?, ?)",
                    (p.run_no, p.key, p.kind, p.expires_at, p.question),
                )
            case CloseQuestion(run_no, key):
                db.execute(
                    "update pending set closed = 1 where run_no = ? and key = ? and answer is null", (run_no, key)
                )
