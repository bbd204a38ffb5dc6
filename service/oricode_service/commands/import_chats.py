"""``oricode import-chats``: old histories as JSON Lines become chats that a user can go on with.

In: a data directory or a database's address; a file, one chat a line: ``{"chat_id", "title"?, "created_at"? (ms),
"messages": [{"role", "content"}, …]}`` with messages as the Messages API has them. Out: how many were brought in, on
stderr. A chat id that exists already is left alone, so that the command bears repetition. One bad line stops everything
before anything was written.
"""

from __future__ import annotations

import contextlib
import time
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple

import click
from oricode_protocol import codec
from oricode_protocol.ids import is_id

from oricode_service.store.port import ChatStore
from oricode_service.store.rows import MessageRow

from .place import place, postgres, run


class _Chat(NamedTuple):
    id: str
    title: str
    at: int
    messages: list[MessageRow]


class _BadLine(Exception):
    """Half a sentence about what is wrong with a line."""


@click.command("import-chats")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--user", required=True, help="Whose chats they become.")
@place
def import_chats(file: Path, user: str, data_dir: Path, database_url: str | None) -> None:
    """Bring in chats of the old backend from FILE (JSON Lines). With SQLite the service must be stopped."""
    chats = []
    now = time.time_ns() // 1_000_000
    with file.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                chats.append(_read(line, now))
            except _BadLine as bad:
                raise click.ClickException(f"line {number}: {bad}; nothing was imported") from bad
    added = run(_write(chats, user, data_dir, database_url), "the chats cannot be written")
    click.echo(f"{added} chats imported, {len(chats) - added} were there already", err=True)


def _read(line: bytes, now: int) -> _Chat:
    try:
        value = codec.loads(line)
    except codec.MalformedJson:
        raise _BadLine("not valid JSON") from None
    if not isinstance(value, dict):
        raise _BadLine("not an object")
    chat_id, at = value.get("chat_id"), value.get("created_at", now)
    if not isinstance(chat_id, str) or not is_id(chat_id):
        raise _BadLine("`chat_id` must be 1 to 64 of A-Z a-z 0-9 _ -")
    if not isinstance(at, int) or isinstance(at, bool) or not 0 <= at < 2**53:
        raise _BadLine("`created_at` must be milliseconds since the epoch")
    messages = value.get("messages")
    if not isinstance(messages, list) or not messages:
        raise _BadLine("`messages` must be a list that is not empty")
    rows = [_message(message, at) for message in messages]
    title = value.get("title")
    return _Chat(chat_id, title if isinstance(title, str) and title.strip() else "Imported chat", at, rows)


def _message(message: Any, at: int) -> MessageRow:
    role = message.get("role") if isinstance(message, dict) else None
    if role not in ("user", "assistant"):
        raise _BadLine("every message needs the role user or assistant")
    content = message.get("content")
    if isinstance(content, str) and content:
        content = [{"type": "text", "text": content}]
    if not isinstance(content, list) or not content or not all(isinstance(block, dict) for block in content):
        raise _BadLine("every message needs content: text, or a list of blocks")
    return MessageRow(None, 0, role, "", codec.dumps(content), at)


async def _write(chats: list[_Chat], user: str, data_dir: Path, database_url: str | None) -> int:
    async with _opened(data_dir, database_url) as store:
        return sum([await store.add(user, c.id, c.title, c.messages, c.at) for c in chats])


@contextlib.asynccontextmanager
async def _opened(data_dir: Path, database_url: str | None) -> AsyncIterator[ChatStore]:
    if database_url:
        async with postgres().open_tables(database_url) as tables:
            yield tables.chats
        return
    from oricode_service.store.sqlite import DataDirectoryOwned, DataDirectoryUnusable, open_store

    try:
        store = await open_store(data_dir, uuid.uuid4().hex)
    except (DataDirectoryOwned, DataDirectoryUnusable) as why:
        raise click.ClickException(f"the chats cannot be written: {why}") from why
    try:
        yield store.chats
    finally:
        await store.close()
