"""The store port: what the service asks of a database. Semantics are the same for SQLite and PostgreSQL.

In: rows and operations. Out: rows. A store knows no events, no transports, no models; JSON is bytes to it. Every write
of run data carries the fence of this process: when another process took over, it raises :class:`Fenced` and the
process must end. Reads filter by user where a user asks, so that foreign and absent look alike.
Implemented by ``sqlite`` and ``postgres``; the same contract tests run against both.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, Protocol

from ..tools.programs import Programs
from .rows import (
    ChatRow,
    Created,
    EffectRow,
    KeyRow,
    LiveRow,
    MessageRow,
    NewRun,
    Op,
    PendingRow,
    Record,
    ReportRow,
    RunRow,
)

if TYPE_CHECKING:  # slow to import, and `oricode keys` must start fast
    from limits.aio.storage import Storage


class Fenced(Exception):
    """Another process owns this one's runs. Final: end the process."""


class StoreUnavailable(Exception):
    """The database cannot be reached right now; nothing was written. Trying again may work."""


class WrongVersion(Exception):
    """The database was written by a newer service."""


class ChatNotFound(Exception):
    """No such chat for this user."""


class ChatBusy(Exception):
    """The chat has a live run and the request said ``reject``."""


class TooManyRuns(Exception):
    """The key has as many live runs as it may have."""


class KeyReused(Exception):
    """The idempotency key was used with another body."""


class LogStore(Protocol):
    """The append-only logs."""

    @property
    def pace(self) -> float:
        """Seconds that should pass between two appends while there is much to append."""
        ...

    async def append(self, records: Sequence[Record]) -> None:
        """Store events of any runs, all or nothing. Survives a kill, not necessarily a power cut."""
        ...

    async def commit(self, records: Sequence[Record], ops: Sequence[Op]) -> None:
        """Store events and operations in one transaction that survives a power cut.

        After StoreUnavailable the same commit is tried again until it succeeds, and may have succeeded before. A commit
        without events may therefore only hold operations that bear repetition (CloseQuestion, FinishEffect)."""
        ...

    async def read(self, run_no: int, after: int, max_bytes: int) -> list[Record]:
        """Events behind seq ``after``, in order, at least one if there is one, about ``max_bytes`` with their frames.

        Events that were stored in one record come in one, or what of it lies behind ``after`` and fits."""
        ...

    async def epoch_of(self, run_no: int, seq: int) -> int | None:
        """The epoch that wrote ``seq``; None when it is not stored."""
        ...

    async def tail(self, cursors: Mapping[int, int]) -> list[Record]:
        """Events behind the cursors (run number -> seq) of several runs at once, in order within each run.

        The first record of a run may begin before its cursor.
        Long tails come in parts: ask again for the runs that it brought something for."""
        ...

    def watch(self) -> AsyncIterator[frozenset[int] | None]:
        """Run numbers in which other processes may have written; None, now and then, for all of them. Hints only.

        Ends at once when there can be no other processes."""
        ...


class RunStore(Protocol):
    """Runs, their steps, effects and questions."""

    async def create(self, new: NewRun) -> Created:
        """Make a run (durable). Raises ChatNotFound, ChatBusy, TooManyRuns, KeyReused."""
        ...

    async def began(self, user: str, idempotency_key: str, now: int) -> bool:
        """Whether this key of this user has started a run, and still counts."""
        ...

    async def get(self, run_id: str, user: str | None) -> RunRow | None:
        """A run by id; ``user`` None asks for the operator."""
        ...

    async def result(self, run_no: int) -> bytes | None:
        """The folded end state (JSON) of a run that ended, else None. As long as its answer: not part of its row."""
        ...

    async def try_start(self, run_no: int, now: int) -> int:
        """Set a queued run to running when no earlier run of its chat is live; the number of those (0 = started)."""
        ...

    async def claim(self, limit: int) -> list[RunRow]:
        """Take over unfinished runs that no living process owns; their epoch is already raised.

        Up to ``limit``, so that several processes share what a dead one left; ask again until there are none."""
        ...

    async def release(self, run_nos: Sequence[int]) -> None:
        """Give runs up in an orderly way: the next claim is at once and does not count as an attempt."""
        ...

    async def request_cancel(self, run_no: int) -> bool:
        """Ask the owner to cancel; False when the run had ended or was already asked."""
        ...

    async def cancels(self) -> list[int]:
        """Own live runs that somebody asked to cancel."""
        ...

    def orders(self) -> AsyncIterator[frozenset[int] | None]:
        """Runs that other processes gave an order: a cancel, an answer, a chat that became free. Hints only.

        None, now and then, for all runs, and for runs that nobody owns. Ends at once when there can be no other
        processes."""
        ...

    async def messages(self, run_no: int) -> list[MessageRow]:
        """The committed steps of a run, in order."""
        ...

    async def history(self, chat_no: int, before_run: int) -> list[MessageRow]:
        """All messages of a chat written by earlier runs or imported, in order."""
        ...

    async def effect(self, key: str) -> EffectRow | None:
        """The ledger's entry of a tool call."""
        ...

    async def pending(self, run_no: int) -> list[PendingRow]:
        """All questions of a run, answered or not."""
        ...

    async def answer(
        self, run_no: int, key: str, kind: Literal["tool", "approval"], answer: bytes, by: str, now: int,
        audit: tuple[str, bytes] | None = None,
    ) -> Literal["accepted", "already", "absent"]:  # fmt: skip
        """Answer a question; the first answer counts. ``audit``: action and detail of the audit log's line about it,
        which is there exactly when the answer is."""
        ...

    async def set_feedback(self, run_no: int, rating: str, comment: str | None, now: int) -> None:
        """Keep the person's rating; the last one counts."""
        ...

    async def relabel(self, run_no: int, before: bytes, after: bytes) -> bool:
        """Replace a run's labels, unless they are no longer ``before``; whether that was done."""
        ...

    async def sweep(self, now: int, keep_ms: int) -> int:
        """Delete events of runs that ended before ``now - keep_ms``, and other expired rows; a bounded piece of work.

        Returns how many runs were trimmed; 0 = nothing left to do."""
        ...

    async def live(self, chat_no: int | None = None) -> list[RunRow]:
        """All live runs of a chat, or of all of them, whichever process runs them."""
        ...


class ChatStore(Protocol):
    """Chats as their users see them."""

    async def page(self, user: str, limit: int, before: tuple[int, int] | None) -> list[ChatRow]:
        """Latest first; ``before`` is (``updated_at``, ``no``) of an earlier page's last chat."""
        ...

    async def get(self, user: str, chat_id: str) -> ChatRow | None: ...

    async def messages(self, chat_no: int, after: int, limit: int) -> list[tuple[int, MessageRow, str | None]]:
        """(number, message, run id), oldest first, behind number ``after``."""
        ...

    async def rename(self, user: str, chat_id: str, title: str) -> bool: ...

    async def delete(self, user: str, chat_id: str) -> bool:
        """Remove the chat with all its runs; False when it is not there or a run of it is live."""
        ...

    async def add(self, user: str, chat_id: str, title: str, messages: Sequence[MessageRow], now: int) -> bool:
        """Bring in a chat from elsewhere; False when the id exists."""
        ...


class KeyStore(Protocol):
    """API keys and one-use tickets."""

    async def add(self, key: KeyRow) -> None: ...

    async def add_first(self, key: KeyRow) -> bool:
        """Add a key unless there is one, revoked or not; False when there was. One of several callers succeeds."""
        ...

    async def get(self, key_id: str) -> KeyRow | None: ...

    async def all(self) -> list[KeyRow]: ...

    async def revoke(self, key_id: str, now: int) -> bool: ...

    async def add_ticket(self, hash: bytes, key_id: str, expires_at: int) -> None: ...

    async def take_ticket(self, hash: bytes, now: int) -> str | None:
        """The key id a ticket stands for, once; None when unknown, used or expired."""
        ...

    async def audit(self, at: int, user: str, action: str, detail: bytes) -> None:
        """Append to the audit log (keys, approvals, deployments)."""
        ...


class ReportStore(Protocol):
    """What the operator wants to know; slow questions, asked rarely."""

    async def runs(self, since: int, until: int) -> list[ReportRow]:
        """Runs that were created in ``since <= t < until``, oldest first."""
        ...

    async def live(self, limit: int) -> tuple[int, list[LiveRow]]:
        """How many runs of all processes are live, and the oldest of them."""
        ...


class Store(Protocol):
    """A database, opened."""

    @property
    def log(self) -> LogStore: ...

    @property
    def runs(self) -> RunStore: ...

    @property
    def chats(self) -> ChatStore: ...

    @property
    def keys(self) -> KeyStore: ...

    @property
    def reports(self) -> ReportStore: ...

    @property
    def programs(self) -> Programs: ...

    @property
    def counts(self) -> Storage | None:
        """Where all processes count requests together; None when there is only one process."""
        ...

    @property
    def shared(self) -> bool:
        """Whether other processes may use this database at the same time."""
        ...

    @property
    def description(self) -> str:
        """For the banner: kind and place, without credentials."""
        ...

    async def healthy(self) -> bool:
        """Whether it answers and takes writes."""
        ...

    async def give_up(self) -> None:
        """Leave writing to the next process on this machine; logs can still be read and watched."""
        ...

    async def close(self) -> None: ...
