"""The XML of SAP's ADT REST calls: the bodies we send and what we read from the answers.

In: names and sources, or an answer's text. Out: a body, or plain values. No I/O. Whatever an answer holds beyond what
is read here is ignored; one that is not XML at all raises :class:`XmlRefused`.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from typing import Literal
from xml.etree.ElementTree import Element
from xml.sax.saxutils import quoteattr

from ..xml_tree import XmlRefused, read_xml

ADT = "http://www.sap.com/adt/core"
CHECKS = "http://www.sap.com/adt/checkrun"
CHECKLIST = "http://www.sap.com/abapxml/checklist"
INACTIVE = "http://www.sap.com/abapxml/inactiveCtsObjects"

_POSITION = re.compile(r"#start=(\d+)(?:,(\d+))?")
_TITLE = re.compile(r"<title>([^<]{1,200})</title>", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ObjectType:
    """How a kind of repository object is addressed and created."""

    code: Literal["PROG/P", "CLAS/OC", "INTF/OI"]
    path: str
    tag: str
    namespace: str


OBJECT_TYPES = {
    "prog": ObjectType(
        "PROG/P", "/sap/bc/adt/programs/programs", "abapProgram", "http://www.sap.com/adt/programs/programs"
    ),
    "clas": ObjectType("CLAS/OC", "/sap/bc/adt/oo/classes", "abapClass", "http://www.sap.com/adt/oo/classes"),
    "intf": ObjectType("INTF/OI", "/sap/bc/adt/oo/interfaces", "abapInterface", "http://www.sap.com/adt/oo/interfaces"),
}
"""By ``languages.ObjectKind``."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message of a check run or an activation."""

    severity: str
    """SAP's letter: E, A, X are errors, W a warning, I and S information."""
    text: str
    line: int | None = None

    @property
    def is_error(self) -> bool:
        return self.severity in ("E", "A", "X")

    def __str__(self) -> str:
        return f"line {self.line}: {self.text}" if self.line is not None else self.text


@dataclass(frozen=True, slots=True)
class Activation:
    """The answer to an activation."""

    executed: bool
    messages: tuple[Message, ...]
    waiting: tuple[str, ...]
    """URIs of further inactive objects that the system wants to be named too; it has done nothing yet."""


def creation(kind: ObjectType, name: str, package: str, description: str, responsible: str) -> str:
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><o:{kind.tag} xmlns:o="{kind.namespace}" xmlns:adtcore="{ADT}" '
        f'adtcore:type="{kind.code}" adtcore:name={quoteattr(name)} adtcore:description={quoteattr(description)} '
        f"adtcore:responsible={quoteattr(responsible)}><adtcore:packageRef adtcore:name={quoteattr(package)}/>"
        f"</o:{kind.tag}>"
    )


def check_request(uri: str, source: str) -> str:
    """Checks ``source`` as if it were the inactive version of the object at ``uri``."""
    content = base64.b64encode(source.encode()).decode()
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><c:checkObjectList xmlns:c="{CHECKS}" xmlns:adtcore="{ADT}">'
        f'<c:checkObject adtcore:uri={quoteattr(uri)} c:version="inactive"><c:artifacts>'
        f'<c:artifact c:contentType="text/plain; charset=utf-8" c:uri={quoteattr(uri + "/source/main")}>'
        f"<c:content>{content}</c:content></c:artifact></c:artifacts></c:checkObject></c:checkObjectList>"
    )


def activation_request(name: str, uri: str) -> str:
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><adtcore:objectReferences xmlns:adtcore="{ADT}">'
        f"<adtcore:objectReference adtcore:uri={quoteattr(uri)} adtcore:name={quoteattr(name)}/>"
        f"</adtcore:objectReferences>"
    )


def lock_handle(answer: str) -> str | None:
    """None when the answer grants no lock."""
    return _text(_root(answer).find(".//LOCK_HANDLE")) or None


def check_messages(answer: str) -> list[Message]:
    return [
        Message(
            found.get(f"{{{CHECKS}}}type", ""),
            found.get(f"{{{CHECKS}}}shortText", "").strip(),
            _line(found.get(f"{{{CHECKS}}}uri", "")),
        )
        for found in _root(answer).iter(f"{{{CHECKS}}}checkMessage")
    ]


def activation(answer: str) -> Activation:
    """An empty answer is an activation without anything to say."""
    if not answer.strip():
        return Activation(executed=True, messages=(), waiting=())
    root = _root(answer)
    properties = root.find(f"{{{CHECKLIST}}}properties")
    executed = properties is not None and "true" in (
        properties.get("activationExecuted"),
        properties.get("generationExecuted"),
    )
    messages = tuple(
        Message(found.get("type", ""), _text(found.find("shortText/txt")), _line(found.get("href", "")))
        for found in root.iter("msg")
    )
    return Activation(executed, messages, tuple(inactive_objects(root)))


def inactive_objects(answer: str | Element) -> list[str]:
    """URIs of the inactive objects listed, the parts of classes included."""
    root = _root(answer) if isinstance(answer, str) else answer
    return [
        reference.get(f"{{{ADT}}}uri", "")
        for found in root.iter(f"{{{INACTIVE}}}object")
        for reference in found.iter(f"{{{INACTIVE}}}ref")
    ]


def exception(answer: str) -> tuple[str, str]:
    """Type and message of an error's body, or the title of an HTML page; both empty when it says nothing of use."""
    kind = message = ""
    try:
        root = _root(answer)
    except XmlRefused:
        pass  # often it is HTML
    else:
        typed = root.find("type")
        kind = typed.get("id", "") if typed is not None else ""
        message = _text(root.find("localizedMessage")) or _text(root.find("message"))
    if not message and (title := _TITLE.search(answer)):
        message = title.group(1).strip()
    return kind, message


def normal_form(source: str) -> str:
    """A source as SAP keeps it: lines, without blanks at the end of a line or empty lines at the end of the source."""
    lines = source.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "\n".join(line.rstrip(" ") for line in lines).rstrip("\n")


def _root(answer: str) -> Element:
    return read_xml(answer.strip())


def _text(element: Element | None) -> str:
    return "".join(element.itertext()).strip() if element is not None else ""


def _line(uri: str) -> int | None:
    position = _POSITION.search(uri)
    return int(position.group(1)) if position else None
