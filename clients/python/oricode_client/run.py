"""One run as its viewer sees it: typed events, what they fold to, and what can be said back.

In: a :class:`~oricode_client.reader.Reader`. Out: the protocol's event classes plus ``Reconnecting``; unknown event
types are skipped. Leaving a run closes its connection; the run itself goes on.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict
from types import TracebackType
from typing import Literal, Self
from urllib.parse import quote

from oricode_protocol.codec import mend
from oricode_protocol.events import Event
from oricode_protocol.fold import Fold

from .answering import Answering
from .errors import NotStarted, OricodeClientError, ProtocolViolation, RunCancelled, from_problem
from .events import Reconnecting
from .halves import Halves
from .pace import Pace
from .reader import Reader
from .service import Service
from .tools import ClientTool
from .wire import JsonObject, Wire


class Run:
    """A run that is being watched. Made by :meth:`OricodeClient.chat` and :meth:`OricodeClient.attach`.

    ``async with`` starts it (or finds it) and closes the connection at the end; ``async for`` yields the events.
    One task at a time may iterate.
    """

    def __init__(self, service: Service, reader: Reader, tools: Sequence[ClientTool], pace: Pace) -> None:
        self._service = service
        self._reader = reader
        self._fold = Fold()
        self._halves = Halves()
        self._answering = Answering(service, tools, pace)

    # What is known of it.

    @property
    def run_id(self) -> str | None:
        """The run's id; None until the service has named it."""
        return self._reader.place.run_id

    @property
    def chat_id(self) -> str | None:
        """The chat it belongs to; None until ``connected`` was taken."""
        chat_id: str | None = self._fold.state().get("chat_id")
        return chat_id

    @property
    def last_event_id(self) -> str:
        """The id to go on from, here or anywhere else; empty before the first event."""
        return self._reader.place.after

    @property
    def text(self) -> str:
        """The answer so far. A repeated attempt may take back what an earlier one had said."""
        return mend(self._fold.text())

    @property
    def status(self) -> str:
        """``new``, ``queued``, ``running``, ``completed``, ``failed`` or ``cancelled``."""
        return self._fold.status

    @property
    def usage(self) -> JsonObject | None:
        """Tokens of the whole run; None before its end."""
        usage: JsonObject | None = self._fold.state().get("usage")
        return usage

    @property
    def error(self) -> OricodeClientError | None:
        """Why the run failed; None when it did not."""
        problem = self._fold.state().get("error")
        return from_problem(problem, 200) if problem else None

    def state(self) -> JsonObject:
        """Everything folded: messages, tool calls, pending approvals, progress (PROTOCOL.md, section 5)."""
        return self._fold.state()

    # Reading.

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def start(self) -> None:
        """Start the run, or find it; returns when the service has accepted it. Iterating does this by itself."""
        await self._reader.start()

    async def aclose(self) -> None:
        """Stop watching. The run goes on; client tools still running here are cancelled."""
        await self._answering.close()
        await self._reader.close()

    def __aiter__(self) -> AsyncIterator[Event]:
        return self

    async def __anext__(self) -> Event:
        while (item := await self._next()) is not None:
            event = item.typed() if isinstance(item, Wire) else item
            if event is not None:
                return self._halves.join(event)
        raise StopAsyncIteration

    async def wires(self) -> AsyncIterator[Wire]:
        """The events as they came, unknown types included; ``reconnecting`` among them, without an id."""
        while (item := await self._next()) is not None:
            yield Wire("", item.event, asdict(item)) if isinstance(item, Reconnecting) else item

    async def result(self) -> str:
        """Read to the end; the answer's text. Raises why the run did not complete, when it did not."""
        async for _ in self:
            pass
        if (error := self.error) is not None:
            raise error
        if self.status == "cancelled":
            raise RunCancelled
        return self.text

    async def _next(self) -> Wire | Reconnecting | None:
        self._answering.check()
        item = await self._reader.next()
        if isinstance(item, Wire):
            try:
                self._take_in(item)
            except (KeyError, TypeError) as cause:
                raise ProtocolViolation(f"An event `{item.event}` lacks a field: {cause}.") from None
        return item

    def _take_in(self, wire: Wire) -> None:
        self._fold.apply(wire.event, wire.data)
        calls = wire.data["tool_calls"] if wire.event == "snapshot" else []
        for call in [wire.data] if wire.event == "tool_call" else calls:
            if call.get("state") not in ("writing", "ended") and self.run_id is not None:
                self._answering.call(self.run_id, call, replayed=self._reader.interrupted)

    # Saying something back.

    async def cancel(self) -> None:
        """End the run. Its ``done`` still comes; cancelling twice is harmless."""
        await self._service.insist("POST", f"{self._path}/cancel")

    async def approve(
        self, approval_id: str, decision: Literal["approve", "deny"] = "approve", comment: str | None = None
    ) -> None:
        """Decide; raises :class:`~oricode_client.errors.Conflict` when somebody else was first."""
        body: JsonObject = {"decision": decision} | ({"comment": comment} if comment else {})
        await self._service.insist("POST", f"{self._path}/approvals/{quote(approval_id)}", body)

    async def tool_result(self, tool_call_id: str, content: str, *, is_error: bool = False) -> None:
        """Answer a client tool; raises :class:`~oricode_client.errors.Conflict` when somebody else was first."""
        body: JsonObject = {"tool_call_id": tool_call_id, "content": content, "is_error": is_error}
        await self._service.insist("POST", f"{self._path}/tool_results", body)

    async def feedback(self, rating: Literal["up", "down"], comment: str | None = None) -> None:
        """Say how it was; the last word counts."""
        body: JsonObject = {"rating": rating} | ({"comment": comment} if comment else {})
        await self._service.insist("POST", f"{self._path}/feedback", body)

    @property
    def _path(self) -> str:
        if self.run_id is None:
            raise NotStarted
        return f"/api/runs/{quote(self.run_id)}"
