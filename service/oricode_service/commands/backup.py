"""``oricode backup`` and ``oricode restore``: the SQLite database as one file, while the service runs, and back.

In: a data directory and a file. Out: one line on stderr; exit code 1 with one line why when it did not work. With
PostgreSQL use its own tools.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

import click

_data_dir = click.option(
    "--data-dir", type=click.Path(path_type=Path), default=Path("data"), envvar="ORICODE_DATA_DIR", show_default=True
)
_file = click.argument("file", type=click.Path(path_type=Path, dir_okay=False))


@click.command()
@_file
@_data_dir
def backup(file: Path, data_dir: Path) -> None:
    """Copy the database to FILE; a running service goes on. Keys in it are hashes, chats are plain text."""
    from oricode_service.store.sqlite.backup import NotABackup
    from oricode_service.store.sqlite.backup import backup as copy

    try:
        size = copy(data_dir, file)
    except (NotABackup, sqlite3.Error, OSError) as trouble:
        raise click.ClickException(f"no backup was made: {trouble}") from trouble
    click.echo(f"{file}: {size} bytes", err=True)


@click.command()
@_file
@_data_dir
def restore(file: Path, data_dir: Path) -> None:
    """Make FILE the database. The service must be stopped; the former database is kept beside the new one."""
    from oricode_service.store.sqlite import DataDirectoryOwned
    from oricode_service.store.sqlite.backup import NotABackup
    from oricode_service.store.sqlite.backup import restore as put

    try:
        former = put(file, data_dir)
    except (NotABackup, DataDirectoryOwned, sqlite3.Error, OSError) as trouble:
        raise click.ClickException(f"nothing was changed: {trouble}") from trouble
    kept = f"; the former database is {former}" if former is not None else ""
    click.echo(f"restored into {data_dir}{kept}", err=True)
