"""``oricode keys``: makes, lists and revokes API keys, beside a running service or without one.

In: a data directory or a database's address. Out: on stdout only what a script needs (``create`` prints the key and
nothing else). Everything else goes to stderr. Imports nothing heavy: it must be fast enough for shell scripts.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import click

from oricode_service.store.port import KeyStore

from .place import place, postgres, run

_LONGEST_USER = 200
_TROUBLE = "the keys cannot be reached"


@click.group()
def keys() -> None:
    """Create, list and revoke API keys."""


@keys.command()
@click.option("--user", required=True, help="Whose key it is; chats and programs belong to this name.")
@click.option("--admin", is_flag=True, help="May also see the operator's dashboard.")
@place
def create(user: str, admin: bool, data_dir: Path, database_url: str | None) -> None:
    """Make a key and print it, this once: only its hash is stored."""
    from oricode_service.access.keys import new_key

    user = user.strip()
    if not user or not user.isprintable() or len(user) > _LONGEST_USER:
        raise click.BadParameter(f"write 1 to {_LONGEST_USER} printable characters", param_hint="--user")

    async def work() -> str:
        async with _opened(data_dir, database_url) as store:
            key, row = new_key(user, admin=admin, now=_now())
            await store.add(row)
            await _audit(store, "key.create", row.id)
            return key

    click.echo(run(work(), _TROUBLE))


@keys.command("list")
@place
def list_keys(data_dir: Path, database_url: str | None) -> None:
    """Show all keys, revoked ones too; the keys themselves are not stored."""

    async def work() -> list[tuple[str, ...]]:
        async with _opened(data_dir, database_url) as store:
            return [
                (row.id, "admin" if row.admin else "user", _date(row.created_at), _date(row.revoked_at), row.user)
                for row in await store.all()
            ]

    for line in [("ID", "ROLE", "CREATED", "REVOKED", "USER"), *run(work(), _TROUBLE)]:
        click.echo(f"{line[0]:<12}  {line[1]:<5}  {line[2]:<17}  {line[3]:<17}  {line[4]}")


@keys.command()
@click.argument("key_id", metavar="ID")
@place
def revoke(key_id: str, data_dir: Path, database_url: str | None) -> None:
    """End a key: within seconds its requests fail and its open streams end. ID: see `keys list`, or the whole key."""
    from oricode_service.access.keys import public_id

    wanted = public_id(key_id) or key_id

    async def work() -> None:
        async with _opened(data_dir, database_url) as store:
            row = await store.get(wanted)
            if row is None:
                raise click.ClickException("there is no such key; see oricode keys list")
            if row.revoked_at is None and await store.revoke(wanted, _now()):
                await _audit(store, "key.revoke", wanted)
            click.echo(f"revoked: {wanted} of {row.user}", err=True)

    run(work(), _TROUBLE)


@asynccontextmanager
async def _opened(data_dir: Path, database_url: str | None) -> AsyncIterator[KeyStore]:
    if database_url:
        async with postgres().open_tables(database_url) as tables:
            yield tables.keys
    else:
        from oricode_service.store import sqlite

        with sqlite.open_keys(data_dir) as store:
            yield store


async def _audit(store: KeyStore, action: str, key_id: str) -> None:
    from oricode_protocol.codec import dumps

    await store.audit(_now(), "operator", action, dumps({"key_id": key_id}))


def _now() -> int:
    return time.time_ns() // 1_000_000


def _date(ms: int | None) -> str:
    return "-" if ms is None else datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%MZ")
