"""Where the data is: the options of commands that work on it, and the way to a PostgreSQL.

In: a data directory or a database's address; the same variables as ``oricode serve`` reads. Out: one line on stderr
when the place cannot be used. Imports nothing heavy: ``oricode keys`` must start fast.
"""

from __future__ import annotations

import asyncio
import importlib
import sqlite3
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import click

from oricode_service.store.port import StoreUnavailable, WrongVersion

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")


def place(command: F) -> F:
    """Adds the options ``--data-dir`` and ``--database-url``."""
    data_dir = click.option(
        "--data-dir",
        type=click.Path(path_type=Path),
        default=Path("data"),
        envvar="ORICODE_DATA_DIR",
        show_default=True,
    )
    database_url = click.option("--database-url", envvar=["ORICODE_DATABASE_URL", "DATABASE_URL"])
    return data_dir(database_url(command))


def postgres() -> Any:
    """The PostgreSQL store's module, which is an extra."""
    try:
        return importlib.import_module("oricode_service.store.postgres")
    except ModuleNotFoundError as missing:
        raise click.ClickException(f"PostgreSQL is not supported by this installation: {missing}") from missing


def run(work: Coroutine[Any, Any, T], trouble: str) -> T:
    """The result of ``work``; when the database cannot be used, one line that begins with ``trouble``."""
    try:
        return asyncio.run(work)
    except (StoreUnavailable, WrongVersion, sqlite3.Error, OSError) as why:
        raise click.ClickException(f"{trouble}: {why}") from why
