"""``POST /api/chat`` and ``GET /api/runs/{run}/events``: start or resume a run, then stream or answer.

One door for SSE and JSON. A ``Last-Event-ID`` wins over the body: a re-sent POST, which is what stock clients do when a
stream is cut, resumes and never starts a second generation.
"""

from __future__ import annotations

from collections.abc import Callable

from oricode_protocol.commands import Chat
from oricode_protocol.errors import error
from starlette.responses import Response

from ..access.keys import Caller
from ..engine.runs import Asker, Engine
from . import json, sse
from .asgi import Receive, Scope, Send
from .attach import Attachment, Gone, attach
from .problems import problem
from .requests import Gate, batch_ms, chat_request, checked_batch_ms, query, resume_cursor
from .streams import Streams

ArmOf = Callable[[Caller, Chat], str]
"""The rollout's arm for a request to stream: ``streaming`` or ``json``."""


class ChatEndpoint:
    """``POST /api/chat``."""

    def __init__(
        self, gate: Gate, engine: Engine, streams: Streams, arm_of: ArmOf, json_headers: dict[str, str]
    ) -> None:
        self._gate = gate
        self._engine = engine
        self._streams = streams
        self._arm_of = arm_of
        self._json_headers = json_headers
        """For an answer to those who did not ask to stream."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        caller = await self._gate.caller(scope)
        cursor = resume_cursor(scope)
        body = await (self._gate.body if cursor is None else self._gate.read)(scope, receive)
        with self._streams.counted("http", caller, address(scope)):
            if cursor is not None:
                row = await self._engine.row(caller.user, cursor.run)
                await respond(self._streams, caller, row.id, scope, receive, send, batch_ms(scope))
                return
            chat = chat_request(scope, body)
            streaming = bool(chat.stream) and self._arm_of(caller, chat) == "streaming"
            again = await self._engine.began(caller.user, chat)
            headers = {} if again else await self._gate.charge(caller)
            if not chat.stream:
                headers = headers | self._json_headers
            asker = Asker(
                caller.user, caller.key_id, "sse" if streaming else "json", "streaming" if streaming else "json"
            )
            row, _ = await self._engine.start(asker, chat)
            batch = checked_batch_ms(chat.batch_ms) if streaming else 0
            try:
                found = await attach(self._engine, row, None, asker.transport, batch_ms=batch)
            except Gone as gone:  # an old idempotency key: its run ended, and its events are deleted
                result = await self._engine.ports.runs.result(row.no) or b"{}"
                await (_refusal(gone) if streaming else json.stored(row, result))(scope, receive, send)
                return
            answer = sse.stream if streaming else json.answer
            await answer(self._streams, caller, found, scope, send, headers)


class EventsEndpoint:
    """``GET /api/runs/{run}/events``."""

    def __init__(self, gate: Gate, streams: Streams) -> None:
        self._gate = gate
        self._streams = streams

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        caller = await self._gate.caller(scope)
        with self._streams.counted("http", caller, address(scope)):
            run_id = scope["path_params"]["run"]
            await respond(self._streams, caller, run_id, scope, receive, send, batch_ms(scope))


async def respond(
    streams: Streams, caller: Caller, run_id: str, scope: Scope, receive: Receive, send: Send, batch: int
) -> None:
    """Stream a run that exists from the request's cursor; 204 when the client has it all."""
    engine = streams.engine
    start = query(scope, "from")
    if start not in (None, "snapshot"):
        raise error("invalid_request", "`from` can only be snapshot.")
    row = await engine.row(caller.user, run_id)
    try:
        found: Attachment = await attach(
            engine, row, resume_cursor(scope), "sse", from_snapshot=start is not None, batch_ms=batch
        )
    except Gone as gone:
        await _refusal(gone)(scope, receive, send)
        return
    if found.ended or scope["method"] == "HEAD":
        found.reader.close()
        await (Response(status_code=204) if found.ended else sse.head)(scope, receive, send)
        return
    await sse.stream(streams, caller, found, scope, send, {})


def _refusal(gone: Gone) -> Response:
    return problem(gone.reason, message_url=gone.message_url, run_url=gone.run_url)


def address(scope: Scope) -> str:
    """The client's address."""
    client = scope.get("client")
    return str(client[0]) if client else ""
