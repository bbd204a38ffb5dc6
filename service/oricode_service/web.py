"""The web application: routes over the transports, mounted behind the front door."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles

from .access.origins import OriginPolicy
from .engine.runs import Engine
from .store.port import Store
from .transports.admin import Admin
from .transports.api import Api, answer
from .transports.asgi import App
from .transports.chat import ArmOf, ChatEndpoint, EventsEndpoint
from .transports.front import Front
from .transports.openapi import document
from .transports.problems import HANDLERS
from .transports.requests import Gate
from .transports.streams import Streams
from .transports.trail import Trail
from .transports.websocket import WebSocketEndpoint

_PAGES = Path(str(files("oricode_service.pages")))
_PAGE_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
        "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    ),
    "Cache-Control": "no-cache",
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}


class PageFiles(StaticFiles):
    """The pages' scripts and styles, with the pages' own headers."""

    def file_response(self, *args: object, **kwargs: object) -> Response:
        made = super().file_response(*args, **kwargs)  # type: ignore[arg-type]
        made.headers.update(_PAGE_HEADERS)
        return made


def application(
    *, gate: Gate, engine: Engine, streams: Streams, store: Store, api: Api, policy: OriginPolicy, arm_of: ArmOf,
    json_headers: dict[str, str], admin: Admin, websocket: WebSocketEndpoint, request_lines: bool,
    prepared: Callable[[], bool],
) -> App:  # fmt: skip
    """Everything that answers. ``prepared``: whether runs of a service that has just started would wait for nothing."""

    async def healthz(request: Request) -> Response:
        return answer({"status": "ok"})

    async def readyz(request: Request) -> Response:
        if streams.draining:
            return answer({"status": "draining"}, 503)
        if not prepared():
            return answer({"status": "starting"}, 503)
        if not await store.healthy():
            return answer({"status": "the database does not take writes"}, 503)
        return answer({"status": "ok"})

    async def playground(request: Request) -> Response:
        return FileResponse(_PAGES / "playground" / "index.html", headers=_PAGE_HEADERS)

    async def dashboard(request: Request) -> Response:
        return FileResponse(_PAGES / "dashboard" / "index.html", headers=_PAGE_HEADERS)

    async def described(request: Request) -> Response:
        return answer(description)

    routes = [
        Route("/healthz", healthz, methods=["GET"]),
        Route("/readyz", readyz, methods=["GET"]),
        Route("/api/chat", ChatEndpoint(gate, engine, streams, arm_of, json_headers), methods=["POST"]),
        Route("/api/runs/{run}/events", EventsEndpoint(gate, streams), methods=["GET"]),
        *api.routes(),
        *admin.routes(),
        WebSocketRoute("/api/ws", websocket),
        Route("/", playground, methods=["GET"]),
        Route("/dashboard", dashboard, methods=["GET"]),
        Route("/openapi.json", described, methods=["GET"]),
        Mount("/pages", PageFiles(directory=_PAGES)),
    ]
    description = document(routes)
    app = Starlette(routes=routes, exception_handlers=HANDLERS)
    app.router.redirect_slashes = False  # a path that is not there is a 404 like any other
    return Trail(Front(app, policy), engine.ports.tracing, request_lines)
