"""The state of a small SAP system: objects with an active and an inactive source, locks, sessions.

In: what a request asks for. Out: a change of state, or :class:`Refused`. Knows no HTTP and no XML.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

import abap_parser


class Refused(Exception):
    """An error answer: HTTP status, SAP's exception type, message."""

    def __init__(self, status: int, kind: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind


@dataclass
class Complaint:
    line: int
    column: int
    text: str


@dataclass
class AbapObject:
    name: str
    type: str
    package: str = ""
    active: str = ""
    inactive: str | None = None
    activations: int = 0
    """How often a new source became active."""


@dataclass
class System:
    user: str = "DEV"
    password: str = "secret"
    objects: dict[str, AbapObject] = field(default_factory=dict)
    """By URI, namespaces as %2f."""
    locks: dict[str, tuple[str, str]] = field(default_factory=dict)
    """URI -> handle and the session that holds it."""
    sessions: dict[str, str] = field(default_factory=dict)
    """Session -> CSRF token."""
    warning: str = ""
    """A warning that every activation gives."""
    preaudit: bool = False
    """Whether an activation first wants to know about other inactive objects."""
    pretends: bool = False
    """Whether an activation says it was executed and leaves the object inactive all the same."""

    def logon(self, session: str | None) -> tuple[str, str]:
        if session is None or session not in self.sessions:
            session = secrets.token_hex(8)
        self.sessions.setdefault(session, secrets.token_urlsafe(18) + "==")
        return session, self.sessions[session]

    def expire_sessions(self) -> None:
        """What a restart of the application server does: sessions and their locks are gone."""
        self.sessions.clear()
        self.locks.clear()

    def logoff(self, session: str) -> None:
        self.sessions.pop(session, None)
        self.locks = {uri: lock for uri, lock in self.locks.items() if lock[1] != session}

    def create(self, path: str, name: str, type_: str, package: str) -> str:
        uri = f"{path}/{name.lower().replace('/', '%2f')}"
        if uri in self.objects:
            raise Refused(400, "ExceptionResourceAlreadyExists", f"Resource {name} does already exist.")
        self.objects[uri] = AbapObject(name, type_, package)
        return uri

    def get(self, uri: str) -> AbapObject:
        if uri not in self.objects:
            raise Refused(404, "ExceptionResourceNotFound", f"Resource {uri} does not exist.")
        return self.objects[uri]

    def lock(self, uri: str, session: str, *, stateful: bool) -> str:
        found = self.get(uri)
        if not stateful:
            raise Refused(400, "ExceptionInvalidData", "A lock needs a stateful session")
        if uri in self.locks and self.locks[uri][1] != session:
            raise Refused(403, "ExceptionResourceNoAccess", f"User DEV is currently editing {found.name}")
        handle = secrets.token_hex(20).upper()
        self.locks[uri] = (handle, session)
        return handle

    def unlock(self, uri: str, handle: str) -> None:
        self._holds(uri, handle)
        del self.locks[uri]

    def write(self, uri: str, handle: str, source: str) -> None:
        self._holds(uri, handle)
        lines = source.replace("\r\n", "\n").split("\n")
        self.get(uri).inactive = "\r\n".join(line.rstrip(" ") for line in lines).rstrip("\r\n")

    def _holds(self, uri: str, handle: str) -> None:
        if self.locks.get(uri, ("", ""))[0] != handle:
            raise Refused(
                423, "ExceptionResourceInvalidLockHandle", f"Resource {uri} is not locked (invalid lock handle)"
            )

    def activate(self, uri: str) -> list[Complaint]:
        """What is wrong with the source; it is active when that is nothing."""
        found = self.get(uri)
        complaints = complaints_about(found.inactive if found.inactive is not None else found.active)
        if not complaints and found.inactive is not None and not self.pretends:
            found.active, found.inactive = found.inactive, None
            found.activations += 1
        return complaints


_CLOSES = {"EndIf": "If", "EndLoop": "Loop", "EndDo": "Do", "EndMethod": "MethodImplementation", "EndForm": "Form"}


def complaints_about(source: str) -> list[Complaint]:
    """Statements that are none, and blocks that do not close."""
    complaints: list[Complaint] = []
    opened: list[tuple[str, int]] = []
    for statement in abap_parser.statements(source):
        kind, start = statement["kind"], statement["span"]["start"]
        if kind == "Unknown":
            word = statement["text"].split()[0]
            complaints.append(Complaint(start["row"], start["col"] - 1, f'The statement "{word}" is not defined.'))
        if kind in _CLOSES.values():
            opened.append((kind, start["row"]))
        elif kind in _CLOSES and opened and opened[-1][0] == _CLOSES[kind]:
            opened.pop()
    return complaints + [Complaint(row, 0, f"Incorrect nesting: {kind} is not closed.") for kind, row in opened]
