"""Who streams: a share of users, the same users every time, with exceptions by name and by client type.

In: a user, and what the request says its client is. Out: the arm, ``streaming`` or ``json``. Pure and without memory:
the same user gets the same arm in every process and after every restart, and raising the percentage only ever adds
users. Only a POST that asks to stream is asked about here; resumes and WebSockets are never diverted. Also here: the
headers that announce the end of the other arm (RFC 9745 and RFC 8594).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from hashlib import sha256
from typing import Literal

Arm = Literal["streaming", "json"]
_SALT = b"oricode streaming rollout\0"


@dataclass(frozen=True, slots=True)
class Rollout:
    """The decision."""

    percent: float = 100
    """Share of users who stream, 0 to 100."""
    users: Mapping[str, Arm] = field(default_factory=dict)
    """Users whose arm is fixed, whatever the percentage."""
    clients: frozenset[str] = frozenset()
    """Client types that always get the stream they ask for, because they cannot read anything else."""

    def arm(self, user: str, client_type: str | None) -> Arm:
        """The arm of a request that asked to stream. A user's own entry wins over the client type's."""
        if (fixed := self.users.get(user)) is not None:
            return fixed
        if client_type in self.clients:
            return "streaming"
        return "streaming" if place(user) < self.percent else "json"


def place(user: str) -> float:
    """Where a user stands between 0 (first to stream) and 100 (last), spread evenly over users."""
    number = int.from_bytes(sha256(_SALT + user.encode("utf-8", "surrogatepass")).digest()[:8], "big")
    return number / 2**64 * 100


def farewell(deprecated: datetime | None, sunset: datetime | None) -> dict[str, str]:
    """Headers of a JSON answer: since when that endpoint is deprecated, and when it will be gone. None = not said."""
    headers = {}
    if deprecated is not None:
        headers["Deprecation"] = f"@{int(deprecated.timestamp())}"
    if sunset is not None:
        headers["Sunset"] = format_datetime(sunset.astimezone(UTC), usegmt=True)
    return headers
