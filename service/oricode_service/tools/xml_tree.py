"""XML from outside, read without its traps.

In: the text of a document. Out: its element tree, or :class:`XmlRefused` with line and column. Entity declarations are
refused, so there are no entity bombs and nothing is fetched; so is absurd nesting. Used by the syntax check and for the
answers of an SAP system.
"""

from __future__ import annotations

from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

MAX_DEPTH = 500


class XmlRefused(ValueError):
    """The document is not well-formed, or holds something that is not accepted."""

    def __init__(self, message: str, line: int, column: int) -> None:
        super().__init__(message)
        self.message = message
        self.line = line
        """From 1."""
        self.column = column
        """From 1."""


def read_xml(text: str) -> Element:
    """Parse a document. Names are ``{namespace}local`` as in ElementTree; an encoding it declares is ignored.

    Raises :class:`XmlRefused`.
    """
    parser = expat.ParserCreate(encoding="utf-8", namespace_separator="}")
    builder = TreeBuilder()
    depth = 0

    def refuse(message: str) -> None:
        raise XmlRefused(message, parser.CurrentLineNumber, parser.CurrentColumnNumber + 1)

    def start(name: str, attributes: list[str]) -> None:
        nonlocal depth
        depth += 1
        if depth > MAX_DEPTH:
            refuse(f"elements are nested more than {MAX_DEPTH} deep")
        pairs = zip(attributes[::2], attributes[1::2], strict=True)
        builder.start(_clark(name), {_clark(key): value for key, value in pairs})

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(_clark(name))

    def entity(name: str, *_: object) -> None:
        refuse(f"the declaration of entity {name!r} is not accepted")

    parser.ordered_attributes = True
    parser.buffer_text = True
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = builder.data
    parser.EntityDeclHandler = entity
    try:
        parser.Parse(text.encode("utf-8"), True)
    except expat.ExpatError as broken:
        raise XmlRefused(expat.ErrorString(broken.code), broken.lineno, broken.offset + 1) from None
    return builder.close()


def _clark(name: str) -> str:
    return "{" + name if "}" in name else name
