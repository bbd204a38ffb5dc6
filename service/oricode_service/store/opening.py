"""Which store the service works on: PostgreSQL when an address names one, else SQLite in the data directory.

In: the settings' values, and what to do when another process owns the runs. Out: the opened store, closed behind its
user. PostgreSQL's driver is an extra and is imported only when it is wanted.
"""

from __future__ import annotations

import contextlib
import logging
import uuid
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from .port import Fenced, Store, StoreUnavailable
from .sqlite import open_store, version_warning

_log = logging.getLogger(__name__)


class NoStore(Exception):
    """There is none to work on; the text is one line for the person who tries."""


@contextlib.asynccontextmanager
async def opened(
    data_dir: Path, database_url: str | None, lease_seconds: float, on_fenced: Callable[[Fenced], None]
) -> AsyncIterator[Store]:
    """The store, while the block runs. Raises :class:`NoStore`, ``DataDirectoryOwned`` or ``WrongVersion``."""
    owner = uuid.uuid4().hex
    store: Store
    if database_url:
        store = await _postgres(database_url, owner, lease_seconds, on_fenced)
    else:
        if warning := version_warning():
            _log.warning("%s", warning)
        store = await open_store(data_dir, owner)
    try:
        yield store
    finally:
        with contextlib.suppress(StoreUnavailable):
            await store.close()


async def _postgres(url: str, owner: str, lease_seconds: float, on_fenced: Callable[[Fenced], None]) -> Store:
    try:
        from . import postgres
    except ModuleNotFoundError as missing:
        raise NoStore(f"PostgreSQL is not supported by this installation: {missing}") from missing
    try:
        return await postgres.open_store(url, owner, lease_seconds=lease_seconds, on_fenced=on_fenced)
    except postgres.CannotOpen as why:
        raise NoStore(str(why)) from why
