"""The operations of a durable commit as columns, the form in which ``commit_log`` of the schema takes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ..rows import AddMessage, Ask, CloseQuestion, FinishEffect, FinishRun, Op, StartEffect


class _Row(NamedTuple):
    """One operation; what a kind does not need stays None. Order and types are those of ``commit_log``."""

    kind: str
    run_no: int | None = None
    chat_no: int | None = None
    turn: int | None = None
    word: str | None = None
    key: str | None = None
    at: int | None = None
    body: bytes | None = None
    meta: bytes | None = None


def columns(ops: Sequence[Op]) -> list[tuple[object, ...]]:
    """One tuple per column."""
    rows = [_row(op) for op in ops]
    return list(zip(*rows, strict=True)) if rows else [()] * len(_Row._fields)


def repeatable(ops: Sequence[Op]) -> bool:
    """Whether applying these twice is the same as once, so that no event beside them must show the second time."""
    return all(isinstance(op, CloseQuestion | FinishEffect) for op in ops)


def _row(op: Op) -> _Row:
    match op:
        case AddMessage(run_no, chat_no, m):
            return _Row("add_message", run_no, chat_no, m.turn, m.role, m.key, m.at, m.content, m.meta)
        case FinishRun(run_no, status, at, result, labels):
            return _Row("finish_run", run_no, word=status, at=at, body=result, meta=labels)
        case StartEffect(run_no, key, at):
            return _Row("start_effect", run_no, key=key, at=at)
        case FinishEffect(key, result, at):
            return _Row("finish_effect", key=key, at=at, body=result)
        case Ask(p):
            return _Row("ask", p.run_no, word=p.kind, key=p.key, at=p.expires_at, body=p.question)
        case CloseQuestion(run_no, key):
            return _Row("close_question", run_no, key=key)
