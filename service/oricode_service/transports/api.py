"""Everything over HTTP that is no stream: runs, answers, chats, programs, models, tickets."""

from __future__ import annotations

import re
from typing import Any

from oricode_protocol import codec
from oricode_protocol.commands import Approve, Feedback, ToolAnswer, parse
from oricode_protocol.document import document
from oricode_protocol.errors import error
from oricode_protocol.ids import Cursor
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ..access.keys import Caller
from ..access.tickets import LIFETIME_MS, Tickets
from ..engine.runs import Engine
from ..store.port import Store
from ..store.rows import LIVE, ChatRow, RunRow
from .requests import Gate
from .streams import now_ms

DEFAULT_PAGE = 30
MAX_PAGE = 100
MAX_TITLE = 200
_NEXT = re.compile(r"([0-9]{1,15})-([0-9]{1,15})\Z", re.ASCII)


def answer(value: Any, status: int = 200) -> Response:
    """A JSON answer that nobody caches."""
    return Response(codec.dumps(value), status, {"Cache-Control": "no-store"}, media_type="application/json")


class Api:
    """The handlers; :meth:`routes` mounts them."""

    def __init__(self, gate: Gate, engine: Engine, store: Store, tickets: Tickets, models: list[str]) -> None:
        self._gate = gate
        self._engine = engine
        self._store = store
        self._tickets = tickets
        self._models = models

    def routes(self) -> list[Route]:
        """All of them."""
        return [
            Route("/api/runs/{run}", self.run, methods=["GET"]),
            Route("/api/runs/{run}/cancel", self.cancel, methods=["POST"]),
            Route("/api/runs/{run}/tool_results", self.tool_result, methods=["POST"]),
            Route("/api/runs/{run}/approvals/{approval}", self.approve, methods=["POST"]),
            Route("/api/runs/{run}/feedback", self.feedback, methods=["POST"]),
            Route("/api/programs", self.programs, methods=["GET"]),
            Route("/api/programs/{name:path}", self.program, methods=["GET"]),
            Route("/api/chats", self.chats, methods=["GET"]),
            # One route, so that the Allow header of a 405 names all methods.
            Route("/api/chats/{chat}", self.one_chat, methods=["GET", "PATCH", "DELETE"]),
            Route("/api/models", self.models, methods=["GET"]),
            Route("/api/tickets", self.ticket, methods=["POST"]),
        ]

    # Runs.

    async def run(self, request: Request) -> Response:
        caller = await self._gate.caller(request.scope)
        row = await self._engine.row(caller.user, request.path_params["run"])
        return answer(await self._document(row))

    async def _document(self, row: RunRow) -> dict[str, Any]:
        result = await self._engine.ports.runs.result(row.no) if row.status not in LIVE else None
        if result is not None:
            state = codec.loads(result)
            seq, epoch = row.last_seq, row.epoch
        else:
            log = self._engine.ports.logs.log(row)
            folded, upto = await self._engine.ports.logs.fold(log)
            folded.apply("connected", {"run_id": row.id, "chat_id": row.chat_id})
            state, seq, epoch = folded.state(), upto.seq, upto.epoch
        last = str(Cursor(row.id, epoch, seq)) if seq else None
        made = document(state) | {"state": state, "last_event_id": last, "created_at": row.created_at}
        if row.status == "queued":
            made["status"] = "queued"
        return made

    async def cancel(self, request: Request) -> Response:
        caller = await self._gate.caller(request.scope)
        run_id = request.path_params["run"]
        fresh = await self._engine.cancel(caller.user, run_id)
        row = await self._engine.row(caller.user, run_id)
        return answer({"run_id": row.id, "status": row.status}, 202 if fresh else 200)

    async def tool_result(self, request: Request) -> Response:
        caller, body = await self._command(request)
        given = parse(ToolAnswer, body)
        content = {"content": given.content, "is_error": bool(given.is_error)}
        await self._engine.answer(caller.user, given.run, "tool", given.tool_call_id, content)
        return answer({"run_id": given.run, "tool_call_id": given.tool_call_id})

    async def approve(self, request: Request) -> Response:
        caller, body = await self._command(request)
        given = parse(Approve, body | {"approval_id": request.path_params["approval"]})
        decision = {"decision": given.decision, "comment": given.comment}
        await self._engine.answer(caller.user, given.run, "approval", given.approval_id, decision)
        return answer({"run_id": given.run, "approval_id": given.approval_id, "decision": given.decision})

    async def feedback(self, request: Request) -> Response:
        caller, body = await self._command(request)
        given = parse(Feedback, body)
        row = await self._engine.row(caller.user, given.run)
        await self._store.runs.set_feedback(row.no, given.rating, given.comment, now_ms())
        return answer({"run_id": row.id, "rating": given.rating})

    async def _command(self, request: Request) -> tuple[Caller, dict[str, Any]]:
        """Who asks, and the body with the run of the path. Foreign runs are 404 before the body is judged."""
        caller = await self._gate.caller(request.scope)
        row = await self._engine.row(caller.user, request.path_params["run"])
        body = await self._gate.body(request.scope, request.receive)
        if not isinstance(body, dict):
            raise error("invalid_request", "The request must be a JSON object.")
        return caller, body | {"run": row.id}

    # Programs.

    async def programs(self, request: Request) -> Response:
        caller = await self._gate.caller(request.scope)
        found = await self._store.programs.programs(caller.user)
        listed = [await self._program(caller.user, entry.name, source=False) for entry in found]
        return answer({"programs": listed})

    async def program(self, request: Request) -> Response:
        caller = await self._gate.caller(request.scope)
        return answer(await self._program(caller.user, request.path_params["name"], source=True))

    async def _program(self, user: str, name: str, *, source: bool) -> dict[str, Any]:
        found = await self._store.programs.program(user, name.upper()) or await self._store.programs.program(user, name)
        if found is None:
            raise error("not_found", "There is no such program.")
        made: dict[str, Any] = {
            "name": found.name,
            "language": found.language,
            "chunks": found.chunks,
            "total": found.total,
            "missing": list(found.missing),
            "deployed": [
                {"target": d.target, "version": d.version, "sha256": d.sha256, "at": d.at} for d in found.deployed
            ],
        }
        if source:
            made["source"] = found.source if found.complete else None
        return made

    # Chats.

    async def chats(self, request: Request) -> Response:
        caller = await self._gate.caller(request.scope)
        limit = _integer(request, "limit", DEFAULT_PAGE, 1, MAX_PAGE) or DEFAULT_PAGE
        found = await self._store.chats.page(caller.user, limit, _before(request))
        page: dict[str, Any] = {"chats": [_chat(row) for row in found]}
        if len(found) == limit:
            page["next"] = f"{found[-1].updated_at}-{found[-1].no}"
        return answer(page)

    async def one_chat(self, request: Request) -> Response:
        handlers = {"PATCH": self.rename, "DELETE": self.delete}
        return await handlers.get(request.method, self.chat)(request)

    async def chat(self, request: Request) -> Response:
        caller = await self._gate.caller(request.scope)
        row = await self._chat(caller, request)
        limit = _integer(request, "limit", MAX_PAGE, 1, MAX_PAGE) or MAX_PAGE
        after = _integer(request, "after", 0, 0, 2**53) or 0
        found = await self._store.chats.messages(row.no, after, limit)
        messages = [
            {
                "role": "user" if message.role == "tool" else message.role,
                "content": [codec.loads(message.content)] if message.role == "tool" else codec.loads(message.content),
                "run_id": run_id,
                "created_at": message.at,
            }
            for _, message, run_id in found
        ]
        page = _chat(row) | {"messages": messages}
        if len(found) == limit:
            page["next"] = str(found[-1][0])
        return answer(page)

    async def rename(self, request: Request) -> Response:
        caller = await self._gate.caller(request.scope)
        row = await self._chat(caller, request)
        body = await self._gate.body(request.scope, request.receive)
        title = body.get("title") if isinstance(body, dict) else None
        if not isinstance(title, str) or not title.strip() or len(title) > MAX_TITLE:
            raise error("invalid_request", f"`title` must be a string of 1 to {MAX_TITLE} characters.")
        await self._store.chats.rename(caller.user, row.id, codec.mend(title.replace("\0", "")))
        return answer(_chat(await self._chat(caller, request)))

    async def delete(self, request: Request) -> Response:
        caller = await self._gate.caller(request.scope)
        row = await self._chat(caller, request)
        for live in await self._store.runs.live(row.no):
            await self._engine.cancel_and_wait(caller.user, live.id)
        deleted = await self._store.chats.delete(caller.user, row.id)
        if not deleted and await self._store.chats.get(caller.user, row.id) is not None:
            raise error("chat_busy", retry_after=5)  # its run does not end, or another one has begun
        return Response(status_code=204)

    async def _chat(self, caller: Caller, request: Request) -> ChatRow:
        row = await self._store.chats.get(caller.user, request.path_params["chat"])
        if row is None:
            raise error("not_found", "There is no such chat.")
        return row

    # Small ones.

    async def models(self, request: Request) -> Response:
        await self._gate.caller(request.scope)
        return answer({"models": self._models, "default": self._models[0]})

    async def ticket(self, request: Request) -> Response:
        caller = await self._gate.caller(request.scope)
        return answer({"ticket": await self._tickets.issue(caller.key_id), "expires_in_ms": LIFETIME_MS}, 201)


def _chat(row: ChatRow) -> dict[str, Any]:
    made: dict[str, Any] = {
        "chat_id": row.id,
        "title": row.title,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
    }
    if row.live_run is not None:
        made["live_run"] = row.live_run
    return made


def _before(request: Request) -> tuple[int, int] | None:
    """Where the next page of chats begins: a ``next`` of ours."""
    text = request.query_params.get("before")
    if text is None:
        return None
    match = _NEXT.match(text)
    if match is None:
        raise error("invalid_request", "`before` must be a `next` of an earlier page.")
    return int(match[1]), int(match[2])


def _integer(request: Request, name: str, default: int | None, low: int, high: int) -> int | None:
    text = request.query_params.get(name)
    if text is None:
        return default
    if not text.isascii() or not text.isdigit() or not low <= int(text[:16]) <= high:
        raise error("invalid_request", f"`{name}` must be an integer from {low} to {high}.")
    return int(text)
