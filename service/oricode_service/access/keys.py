"""API keys: made, recognised, revoked.

In: the text a client presents. Out: the :class:`Caller` it stands for, or the protocol's ``unauthorized``. A key is
``ok_<public id>_<secret>``; the store holds the SHA-256 of the whole, found by the id, so that nothing secret is ever
searched for. Rows are remembered for two seconds: the hot path does not ask the database at each request, and a
revocation is noticed soon after. Open streams learn of it through :mod:`.revocations`.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import string
import time
from collections.abc import Callable
from dataclasses import dataclass

from oricode_protocol.errors import error

from oricode_service.store.port import KeyStore
from oricode_service.store.rows import KeyRow

_ALPHABET = string.ascii_letters + string.digits
_ID_LENGTH = 12
_SECRET_LENGTH = 43
"""Characters of 62 kinds: 256 bits."""
_FORM = re.compile(rf"ok_([A-Za-z0-9]{{{_ID_LENGTH}}})_[A-Za-z0-9]{{{_SECRET_LENGTH}}}")
_NOBODY = hashlib.sha256(b"no key has this hash").digest()

FRESH_SECONDS = 2.0
_MOST_REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is asking."""

    key_id: str
    user: str
    admin: bool


def new_key(user: str, *, admin: bool, now: int) -> tuple[str, KeyRow]:
    """A fresh key, which can never be shown again, and the row to store. ``now``: milliseconds since the epoch."""
    key_id = _random(_ID_LENGTH)
    key = f"ok_{key_id}_{_random(_SECRET_LENGTH)}"
    return key, KeyRow(key_id, user, _digest(key), admin, now, revoked_at=None)


def public_id(key: str) -> str | None:
    """The part of a key that may be shown; None when ``key`` does not have the form of one."""
    found = _FORM.fullmatch(key)
    return found[1] if found else None


class Keys:
    """Recognises keys against a store."""

    def __init__(
        self, store: KeyStore, *, fresh_seconds: float = FRESH_SECONDS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._store = store
        self._fresh_seconds = fresh_seconds
        self._clock = clock
        self._remembered: dict[str, tuple[KeyRow, float]] = {}
        """Key id -> (row, when it goes stale). Unknown ids are not kept: a flood of them must not evict the known."""

    async def caller(self, key: str) -> Caller:
        """Who presents ``key``. Raises ``unauthorized``; absent, wrong and malformed take the same comparison."""
        presented = _digest(key)
        key_id = public_id(key)
        row = await self._row(key_id) if key_id is not None else None
        genuine = hmac.compare_digest(presented, row.hash if row is not None else _NOBODY)
        if row is None or not genuine or row.revoked_at is not None:
            raise error("unauthorized")
        return Caller(row.id, row.user, row.admin)

    async def by_id(self, key_id: str) -> Caller:
        """Who owns a key that was recognised before. Raises ``key_revoked`` when it no longer holds."""
        row = await self._row(key_id)
        if row is None or row.revoked_at is not None:
            raise error("key_revoked")
        return Caller(row.id, row.user, row.admin)

    async def _row(self, key_id: str) -> KeyRow | None:
        now = self._clock()
        remembered = self._remembered.get(key_id)
        if remembered is not None and remembered[1] > now:
            return remembered[0]
        row = await self._store.get(key_id)
        if row is None:
            self._remembered.pop(key_id, None)
            return None
        if len(self._remembered) >= _MOST_REMEMBERED:
            self._remembered.clear()
        self._remembered[key_id] = (row, now + self._fresh_seconds)
        return row


async def ensure_first_key(store: KeyStore, *, user: str = "me", now: int) -> str | None:
    """Make an administrator's key when the store never had one, and return it for the banner; else None."""
    key, row = new_key(user, admin=True, now=now)
    if not await store.add_first(row):
        return None
    await store.audit(now, user, "key.create", b'{"key_id":"' + row.id.encode() + b'","by":"first start"}')
    return key


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()


def _random(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))
