"""The client for scripts without ``async``: the same runs, pulled one event at a time.

In: plain calls from any thread. Out: what the asynchronous client gives. A private event loop in a thread does the
work, so that this also works inside a notebook, where a loop is already running. Nothing is read ahead.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from types import TracebackType
from typing import Any, Literal, Self, TypeVar

from oricode_protocol.events import Event

from .client import OricodeClient
from .errors import OricodeClientError
from .run import Run
from .wire import JsonObject

T = TypeVar("T")


class _Background:
    """An event loop in a daemon thread."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="oricode-client", daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of ``work``; an interrupt here (Ctrl-C) cancels it there."""
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        finally:
            future.cancel()

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class SyncRun:
    """A run for ``with`` and ``for``; see :class:`~oricode_client.run.Run`, whose properties it has."""

    def __init__(self, background: _Background, run: Run) -> None:
        self._background = background
        self._run = run

    def __enter__(self) -> Self:
        self._background.run(self._run.start())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._background.run(self._run.aclose())

    def __iter__(self) -> Iterator[Event]:
        return self

    def __next__(self) -> Event:
        event = self._background.run(self._step())
        if event is None:
            raise StopIteration
        return event

    async def _step(self) -> Event | None:
        return await anext(self._run, None)

    def result(self) -> str:
        """Read to the end; the answer's text. Raises why the run did not complete, when it did not."""
        return self._background.run(self._run.result())

    def cancel(self) -> None:
        """End the run. Its ``done`` still comes; cancelling twice is harmless."""
        self._background.run(self._run.cancel())

    def approve(
        self, approval_id: str, decision: Literal["approve", "deny"] = "approve", comment: str | None = None
    ) -> None:
        """Decide about a tool call."""
        self._background.run(self._run.approve(approval_id, decision, comment))

    def tool_result(self, tool_call_id: str, content: str, *, is_error: bool = False) -> None:
        """Answer a client tool."""
        self._background.run(self._run.tool_result(tool_call_id, content, is_error=is_error))

    def feedback(self, rating: Literal["up", "down"], comment: str | None = None) -> None:
        """Say how it was."""
        self._background.run(self._run.feedback(rating, comment))

    @property
    def run_id(self) -> str | None:
        """The run's id; None until the service has named it."""
        return self._run.run_id

    @property
    def chat_id(self) -> str | None:
        """The chat it belongs to; None until ``connected`` was taken."""
        return self._run.chat_id

    @property
    def last_event_id(self) -> str:
        """The id to go on from."""
        return self._run.last_event_id

    @property
    def text(self) -> str:
        """The answer so far."""
        return self._run.text

    @property
    def status(self) -> str:
        """``new``, ``queued``, ``running``, ``completed``, ``failed`` or ``cancelled``."""
        return self._run.status

    @property
    def usage(self) -> JsonObject | None:
        """Tokens of the whole run; None before its end."""
        return self._run.usage

    @property
    def error(self) -> OricodeClientError | None:
        """Why the run failed; None when it did not."""
        return self._run.error

    def state(self) -> JsonObject:
        """Everything folded."""
        return self._run.state()


class SyncClient:
    """Talks to one service; takes what :class:`~oricode_client.client.OricodeClient` takes."""

    def __init__(self, url: str, key: str, **options: Any) -> None:
        self._client = OricodeClient(url, key, **options)
        self._background = _Background()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections and the thread; runs go on. Nothing may be used afterwards."""
        self._background.run(self._client.aclose())
        self._background.close()

    def chat(self, prompt: str | None = None, **options: Any) -> SyncRun:
        """A run that starts when it is entered or iterated; see :meth:`OricodeClient.chat`."""
        return SyncRun(self._background, self._client.chat(prompt, **options))

    def attach(self, run_id: str, **options: Any) -> SyncRun:
        """A run that somebody started; see :meth:`OricodeClient.attach`."""
        return SyncRun(self._background, self._client.attach(run_id, **options))

    def ask(self, prompt: str, **options: Any) -> str:
        """The answer's text, in one call."""
        return self._background.run(self._client.ask(prompt, **options))

    def run(self, run_id: str) -> JsonObject:
        """The run's document."""
        return self._background.run(self._client.run(run_id))

    def chats(self, limit: int = 30, before: str | None = None) -> JsonObject:
        """The user's chats, newest first."""
        return self._background.run(self._client.chats(limit, before))

    def messages(self, chat_id: str, limit: int = 30, after: str | None = None) -> JsonObject:
        """One chat with its messages."""
        return self._background.run(self._client.messages(chat_id, limit, after))

    def models(self) -> JsonObject:
        """``{models, default}``."""
        return self._background.run(self._client.models())
