"""JSON, XML and YAML by their parsers. In: text. Out: the first error each parser reports.

YAML is only composed, never constructed: an alias stays a reference, so a document of nested aliases costs what it
weighs and no tag can make an object.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import orjson
import yaml

from ..xml_tree import XmlRefused, read_xml
from .findings import Finding

_Loader: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
MAX_DEPTH = 500
"""Deeper YAML is refused: composing is recursive, in C too."""

JSON_CHECKER = "orjson"
XML_CHECKER = "expat"
YAML_CHECKER = f"PyYAML {yaml.__version__}"


def check_json(name: str, source: str) -> list[Finding]:
    try:
        orjson.loads(source)
    except orjson.JSONDecodeError as error:
        return [Finding(error.lineno, error.colno, "json", error.msg)]
    return []


def check_xml(name: str, source: str) -> list[Finding]:
    try:
        read_xml(source)
    except XmlRefused as error:
        return [Finding(error.line, error.column, "xml", error.message)]
    return []


def check_yaml(name: str, source: str) -> list[Finding]:
    """Every document of the stream; also keys written twice, which YAML forbids and PyYAML lets pass."""
    found: list[Finding] = []
    try:
        if too_deep := _too_deep(source):
            return [too_deep]
        for document in yaml.compose_all(source, Loader=_Loader):
            found += _double_keys(document)
    except yaml.MarkedYAMLError as error:
        message = ", ".join(part for part in (error.context, error.problem) if part)
        found.append(_at(error.problem_mark or error.context_mark, "yaml", message))
    except yaml.YAMLError as error:
        found.append(Finding(1, 1, "yaml", str(error).splitlines()[0]))
    return found


class _Mark(Protocol):
    """A place as PyYAML tells it: both counts from 0."""

    line: int
    column: int


def _at(mark: _Mark | None, rule: str, message: str) -> Finding:
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    return Finding(line, column, rule, message)


def _too_deep(source: str) -> Finding | None:
    depth = 0
    for event in yaml.parse(source, Loader=_Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                return _at(event.start_mark, "too_complex", f"collections are nested more than {MAX_DEPTH} deep")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
    return None


def _double_keys(document: yaml.Node | None) -> list[Finding]:
    found: list[Finding] = []
    for mapping in _mappings(document):
        seen: set[str] = set()
        for key, _ in mapping.value:
            if not isinstance(key, yaml.ScalarNode) or key.value == "<<":
                continue
            if key.value in seen:
                found.append(_at(key.start_mark, "double_key", f"key {key.value!r} is written twice"))
            seen.add(key.value)
    return found


def _mappings(document: yaml.Node | None) -> Iterator[yaml.MappingNode]:
    """Every mapping once, however often aliases name it."""
    waiting = [document] if document is not None else []
    visited: set[int] = set()
    while waiting:
        node = waiting.pop()
        if id(node) in visited:
            continue
        visited.add(id(node))
        if isinstance(node, yaml.MappingNode):
            yield node
            waiting += [part for pair in node.value for part in pair]
        elif isinstance(node, yaml.SequenceNode):
            waiting += node.value
