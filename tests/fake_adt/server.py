"""The HTTP side: authentication, sessions, CSRF, the seven calls, and a log of every request."""

from __future__ import annotations

import base64
import contextlib
import xml.etree.ElementTree as et
from dataclasses import dataclass

from aiohttp import web

from fake_adt import answers
from fake_adt.faults import Fault
from fake_adt.system import Refused, System, complaints_about

_ADT = f"{{{answers.ADT}}}"
_CHECKS = f"{{{answers.CHECKS}}}"
_CREATES = ("/sap/bc/adt/programs/programs", "/sap/bc/adt/oo/classes", "/sap/bc/adt/oo/interfaces")
_COOKIE = "SAP_SESSIONID_A4H_001"
_XML = "application/xml"


@dataclass
class Seen:
    """One request as it arrived, with the status it got (0: none)."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    status: int = 0

    def __str__(self) -> str:
        action = self.query.get("_action", "")
        return f"{self.method} {self.path}{' ' if action else ''}{action} -> {self.status}"


class FakeAdt:
    def __init__(self, system: System | None = None) -> None:
        self.system = system or System()
        self.seen: list[Seen] = []
        self.faults: list[Fault] = []
        self.url = ""

    async def __aenter__(self) -> FakeAdt:
        app = web.Application(client_max_size=64 << 20)
        app.router.add_route("*", "/{rest:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        for fault in self.faults:
            fault.release.set()
        await self._runner.cleanup()

    def fault(self, fault: Fault) -> Fault:
        self.faults.append(fault)
        return fault

    def calls(self) -> list[str]:
        """The writing calls in order: ``PUT /sap/.../source/main -> 200``."""
        return [str(seen) for seen in self.seen if seen.method != "GET"]

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        seen = Seen(request.method, request.rel_url.raw_path, dict(request.query), dict(request.headers))
        self.seen.append(seen)
        struck = next((f for f in self.faults if f.strikes(seen.method, request.rel_url.raw_path_qs)), None)
        if struck is not None and struck.how == "stall":
            await struck.release.wait()
        if struck is not None and struck.how == "drop":
            return _dropped(request)
        if struck is not None and struck.how == "status":
            response = web.Response(status=struck.status, text=struck.body, content_type=_XML)
        elif struck is not None and struck.how == "garbage":
            response = web.Response(text="<html>Bad gateway", content_type="text/html")
        else:
            response = await self._answer(request, seen)
        if struck is not None and struck.how == "drop after":
            return _dropped(request)
        seen.status = response.status
        return response

    async def _answer(self, request: web.Request, seen: Seen) -> web.Response:
        system = self.system
        expected = base64.b64encode(f"{system.user}:{system.password}".encode()).decode()
        if seen.headers.get("Authorization") != f"Basic {expected}":
            return web.Response(
                status=401,
                text="<html><title>Logon Error Message</title></html>",
                content_type="text/html",
                headers={"www-authenticate": 'Basic realm="SAP"'},
            )
        session = request.cookies.get(_COOKIE, "")
        token = request.headers.get("x-csrf-token", "")
        if seen.method == "GET" and token.lower() == "fetch":
            session, token = system.logon(session or None)
            response = web.Response(text=f"{answers.HEAD}<graph/>", content_type=_XML)
            response.headers["x-csrf-token"] = token
            response.set_cookie(_COOKIE, session, path="/", httponly=True)
            return response
        if seen.method != "GET" and system.sessions.get(session) != token:
            return web.Response(status=403, text="CSRF token validation failed", headers={"x-csrf-token": "Required"})
        try:
            return self._route(seen, (await request.read()).decode(), session)
        except Refused as refused:
            text = answers.exception(refused.kind, str(refused))
            return web.Response(status=refused.status, text=text, content_type=_XML)

    def _route(self, seen: Seen, body: str, session: str) -> web.Response:
        system, path, query = self.system, seen.path, seen.query
        match seen.method, path:
            case "GET", "/sap/public/bc/icf/logoff":
                system.logoff(session)
                return web.Response(text="<html>logged off</html>", content_type="text/html")
            case "POST", _ if path in _CREATES:
                return self._create(path, body)
            case "POST", "/sap/bc/adt/checkruns":
                return self._check(body)
            case "POST", "/sap/bc/adt/activation":
                return self._activate(body, query)
            case "GET", "/sap/bc/adt/activation/inactiveobjects":
                return _xml(answers.inactive_objects(system.objects))
        uri = path.removesuffix("/source/main")
        found = system.get(uri)
        action = query.get("_action")
        if seen.method == "POST" and action == "LOCK":
            stateful = seen.headers.get("X-sap-adt-sessiontype") == "stateful"
            return _xml(answers.lock(system.lock(uri, session, stateful=stateful)))
        if seen.method == "POST" and action == "UNLOCK":
            system.unlock(uri, query.get("lockHandle", ""))
            return web.Response()
        if seen.method == "PUT":
            system.write(uri, query.get("lockHandle", ""), body)
            return web.Response(headers={"etag": "1"})
        if seen.method == "GET" and path != uri:
            wants_inactive = query.get("version") == "inactive" and found.inactive is not None
            text = found.inactive if wants_inactive else found.active
            return web.Response(text=text, content_type="text/plain", headers={"etag": "1"})
        raise Refused(405, "ExceptionMethodNotSupported", f"{seen.method} {path}")

    def _create(self, path: str, body: str) -> web.Response:
        root = et.fromstring(body.strip())
        package = root.find(f"{_ADT}packageRef")
        uri = self.system.create(
            path,
            root.attrib[f"{_ADT}name"],
            root.attrib[f"{_ADT}type"],
            package.attrib[f"{_ADT}name"] if package is not None else "",
        )
        return web.Response(status=201, headers={"location": uri})

    def _check(self, body: str) -> web.Response:
        complaints, uri = [], ""
        for found in et.fromstring(body.strip()).iter(f"{_CHECKS}checkObject"):
            uri = found.attrib[f"{_ADT}uri"]
            for artifact in found.iter(f"{_CHECKS}artifact"):
                content = artifact.find(f"{_CHECKS}content")
                source = base64.b64decode((content.text or "") if content is not None else "").decode()
                complaints += [(artifact.attrib[f"{_CHECKS}uri"], c) for c in complaints_about(source)]
        return _xml(answers.check_reports(uri, complaints))

    def _activate(self, body: str, query: dict[str, str]) -> web.Response:
        reference = next(et.fromstring(body.strip()).iter(f"{_ADT}objectReference"))
        uri = reference.attrib[f"{_ADT}uri"]
        found = self.system.get(uri)
        if self.system.preaudit and query.get("preauditRequested") == "true":
            return _xml(answers.inactive_objects(self.system.objects))
        return _xml(answers.activation(uri, found, self.system.activate(uri), self.system.warning))


def _xml(text: str) -> web.Response:
    return web.Response(text=text, content_type=_XML)


def _dropped(request: web.Request) -> web.Response:
    """The connection ends without an answer."""
    if request.transport is not None:
        with contextlib.suppress(OSError):
            request.transport.abort()
    return web.Response()
