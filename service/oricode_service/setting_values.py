"""Settings that are more than a word or a number, from the text a person writes to the value the service uses.

In: text of a flag or variable. Out: the value, or ValueError with half a sentence that says what would be right.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, NamedTuple, cast
from urllib.parse import urlsplit

from .access.limits import parse_rate
from .access.origins import configured

Decision = Literal["auto", "ask", "deny"]


class ApprovalRule(NamedTuple):
    """What happens to calls of tools whose name matches."""

    pattern: str
    """As in file names: ``*`` and ``?``."""
    decision: Decision


def csv(value: Any) -> Any:
    """``a, b`` as ``("a", "b")``."""
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def origins(value: Any) -> Any:
    """A list of origins, each checked."""
    texts = csv(value)
    for text in texts:
        configured(text)
    return texts


def rate(value: Any) -> Any:
    """``120/minute`` or ``off``, checked and left as text."""
    parse_rate(value)
    return value


def approval_rules(value: Any) -> Any:
    """``mcp_deploy_*=ask,*=auto``."""
    if not isinstance(value, str):
        return value
    rules = []
    for part in csv(value):
        pattern, equals, decision = (piece.strip() for piece in part.partition("="))
        if not (pattern and equals) or decision not in ("auto", "ask", "deny"):
            raise ValueError(f"{part!r} is not a rule; write pattern=auto, pattern=ask or pattern=deny")
        rules.append(ApprovalRule(pattern, cast(Decision, decision)))
    return tuple(rules)


def arms(value: Any) -> Any:
    """``anna=streaming,ben=json``."""
    if not isinstance(value, str):
        return value
    found = []
    for part in csv(value):
        user, _, arm = (piece.strip() for piece in part.rpartition("="))
        if not user or arm not in ("streaming", "json"):
            raise ValueError(f"{part!r} names no arm; write user=streaming or user=json")
        found.append((user, arm))
    return tuple(found)


def moment(value: Any) -> Any:
    """A day or a time in ISO 8601; UTC unless it says otherwise."""
    if not isinstance(value, str):
        return value
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        raise ValueError("write a day such as 2026-12-01, or a time such as 2026-12-01T12:00:00Z") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def postgres_url(value: Any) -> Any:
    """An address of PostgreSQL."""
    if isinstance(value, str) and urlsplit(value).scheme not in ("postgres", "postgresql"):
        raise ValueError("write postgresql://user:password@host/name, or leave it out to use SQLite")
    return value


def http_url(value: Any) -> Any:
    """An address of a web service, without credentials in it."""
    if isinstance(value, str):
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("it must begin with http:// or https:// and name a host")
        if parts.username is not None or parts.password is not None:
            raise ValueError("it must not hold a user or password")
    return value


def existing_file(value: Any) -> Any:
    """The path of a file that is there."""
    if value is not None and not Path(value).expanduser().is_file():
        raise ValueError("there is no such file")
    return Path(value).expanduser() if value is not None else None
