"""``/openapi.json``: what every route takes and answers (OpenAPI 3.1), made of the protocol's own types.

In: the routes as they are mounted. Out: the document. Bodies are the protocol's commands; events of a stream are its
schemas, because OpenAPI itself cannot say what a stream holds. A route without a row in :data:`OPERATIONS` is an error
at start, so that nothing is served that is not described. The WebSocket is PROTOCOL.md's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib.metadata import version
from typing import Any, NamedTuple

from oricode_protocol.errors import TABLE
from oricode_protocol.schema import schema
from starlette.routing import BaseRoute, Route

from .admin import MOST_DAYS
from .api import MAX_PAGE
from .requests import MAX_BATCH_MS


class Operation(NamedTuple):
    """One method of one path."""

    summary: str
    status: int = 200
    body: str | None = None
    """Name of the body's schema."""
    answers: tuple[str, ...] = ("application/json",)
    """Media types."""
    query: tuple[tuple[str, dict[str, Any]], ...] = ()
    """Parameters: name, schema."""
    headers: tuple[str, ...] = ()
    key: bool | None = True
    """Whether it takes a key; None = sometimes."""
    also: int | None = None
    """Another status of success: 204 has no body, 200 the same as ``status``."""


_SSE = "text/event-stream"
_HTML = ("text/html",)
_AFTER: tuple[str, dict[str, Any]] = ("after", {"type": "string"})
_BATCH: tuple[str, dict[str, Any]] = ("batch_ms", {"type": "integer", "minimum": 0, "maximum": MAX_BATCH_MS})
_LIMIT: tuple[str, dict[str, Any]] = ("limit", {"type": "integer", "minimum": 1, "maximum": MAX_PAGE})
OPERATIONS: dict[tuple[str, str], Operation] = {
    ("GET", "/healthz"): Operation("Whether the process lives.", key=False),
    ("GET", "/readyz"): Operation("Whether it takes new work; 503 while it starts or drains.", key=False),
    ("GET", "/metrics"): Operation("Prometheus metrics; on loopback without a key.", answers=("text/plain",), key=None),
    ("GET", "/openapi.json"): Operation("This document.", key=False),
    ("GET", "/"): Operation("The playground.", answers=_HTML, key=False),
    ("GET", "/dashboard"): Operation("The operator's dashboard.", answers=_HTML, key=False),
    ("POST", "/api/chat"): Operation(
        "Start a run: a stream of events, or one JSON answer. With Last-Event-ID: resume that run.",
        body="ChatCommand", answers=("application/json", _SSE), query=(_AFTER, _BATCH),
        headers=("Last-Event-ID", "Idempotency-Key"),
    ),
    ("GET", "/api/runs/{run}"): Operation("A run: status, result, usage, what it waits for."),
    ("GET", "/api/runs/{run}/events"): Operation(
        "A run's events from a cursor on; 204 when the client has them all.", answers=(_SSE,),
        query=(_AFTER, ("from", {"enum": ["snapshot"]}), _BATCH), headers=("Last-Event-ID",), also=204,
    ),
    ("POST", "/api/runs/{run}/cancel"): Operation("End a run; 200 when it had ended.", 202, also=200),
    ("POST", "/api/runs/{run}/tool_results"): Operation("Answer a call of a client tool.", body="ToolAnswerCommand"),
    ("POST", "/api/runs/{run}/approvals/{approval}"): Operation("Allow or deny a call.", body="ApproveCommand"),
    ("POST", "/api/runs/{run}/feedback"): Operation("Rate a run.", body="FeedbackCommand"),
    ("GET", "/api/programs"): Operation("The user's stored programs."),
    ("GET", "/api/programs/{name}"): Operation("A stored program with its source."),
    ("GET", "/api/chats"): Operation(
        "Chats, latest first.", query=(_LIMIT, ("before", {"type": "string", "pattern": r"^[0-9]{1,15}-[0-9]{1,15}$"}))
    ),
    ("GET", "/api/chats/{chat}"): Operation(
        "A chat's messages.", query=(_LIMIT, ("after", {"type": "integer", "minimum": 0, "maximum": 2**53}))
    ),
    ("PATCH", "/api/chats/{chat}"): Operation("Rename a chat.", body="Title"),
    ("DELETE", "/api/chats/{chat}"): Operation("Delete a chat and its runs.", 204, answers=()),
    ("GET", "/api/models"): Operation("Models by name."),
    ("POST", "/api/tickets"): Operation("A one-use ticket for a browser's WebSocket.", 201),
    ("GET", "/api/admin/overview"): Operation(
        "The dashboard's numbers, for administrators.",
        query=(("days", {"type": "integer", "minimum": 1, "maximum": MOST_DAYS}),),
    ),
}  # fmt: skip

_SECURITY: dict[bool | None, list[dict[str, Any]]] = {
    True: [{"key": []}, {"bearer": []}], None: [{}, {"key": []}, {"bearer": []}], False: []
}  # fmt: skip
_FROM_PATH = frozenset({"run", "approval_id"})
"""Fields of commands that over HTTP are part of the path."""
_EXTRA: dict[str, dict[str, Any]] = {
    "Title": {"type": "object", "properties": {"title": {"type": "string", "maxLength": 200}}, "required": ["title"]},
    "Problem": {
        "type": "object",
        "description": "RFC 9457 problem details.",
        "properties": {
            "type": {"type": "string"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "code": {"type": "string", "enum": sorted(TABLE)},
            "detail": {"type": "string"},
            "retryable": {"type": "boolean"},
            "retry_after_ms": {"type": "integer"},
            "request_id": {"type": "string"},
        },
        "required": ["title", "status", "code", "detail", "retryable"],
    },
}


def document(routes: Iterable[BaseRoute]) -> dict[str, Any]:
    """The document of these routes. Raises KeyError for one that is not described."""
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        if isinstance(route, Route):
            path = re.sub(r":\w+}", "}", route.path)
            for method in sorted((route.methods or set()) - {"HEAD"}):
                paths.setdefault(path, {})[method.lower()] = _operation(path, method, OPERATIONS[method, path])
    schemas: dict[str, Any] = {
        name: _without_path_fields(definition) if name.endswith("Command") else definition
        for name, definition in schema()["$defs"].items()
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Oricode",
            "version": version("oricode-service"),
            "description": "Chat turns as runs that stream typed events. PROTOCOL.md is the normative text.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas | _EXTRA,
            "securitySchemes": {
                "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
                "bearer": {"type": "http", "scheme": "bearer"},
            },
        },
    }


def _operation(path: str, method: str, row: Operation) -> dict[str, Any]:
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)}", path)
    ]
    parameters += [{"name": name, "in": "query", "schema": kind} for name, kind in row.query]
    parameters += [{"name": name, "in": "header", "schema": {"type": "string"}} for name in row.headers]
    success: dict[str, Any] = {"description": "As asked.", "content": {kind: {} for kind in row.answers}}
    made: dict[str, Any] = {
        "operationId": re.sub(r"\W+", "_", f"{method.lower()} {path}").strip("_"),
        "summary": row.summary,
        "parameters": parameters,
        "security": _SECURITY[row.key],
        "responses": {
            str(row.status): success,
            **({str(row.also): success if row.also != 204 else {"description": "Nothing more."}} if row.also else {}),
            "default": {
                "description": "An error of the table in PROTOCOL.md.",
                "content": {"application/problem+json": {"schema": _ref("Problem")}},
            },
        },
    }
    if row.body is not None:
        made["requestBody"] = {"required": True, "content": {"application/json": {"schema": _ref(row.body)}}}
    return made


def _without_path_fields(definition: dict[str, Any]) -> dict[str, Any]:
    properties = {name: kind for name, kind in definition["properties"].items() if name not in _FROM_PATH}
    required = [name for name in definition["required"] if name not in _FROM_PATH]
    return definition | {"properties": properties, "required": required}


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}
