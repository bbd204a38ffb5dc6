"""Backup beside a running service, restore, and old chats brought in: all by the command line."""

import json
import subprocess
from pathlib import Path

import httpx
import pytest
from clients.real_service import ORICODE, RealService


def oricode(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run([ORICODE, *arguments], capture_output=True, text=True, timeout=60, check=False)


async def ask(service: RealService, **body) -> dict:
    async with httpx.AsyncClient(base_url=service.url, headers={"X-API-Key": service.key}, timeout=30) as http:
        return (await http.post("/api/chat", json={"model": "echo"} | body)).json()


async def chats(service: RealService) -> list[str]:
    async with httpx.AsyncClient(base_url=service.url, headers={"X-API-Key": service.key}, timeout=30) as http:
        return [chat["chat_id"] for chat in (await http.get("/api/chats")).json()["chats"]]


async def test_a_backup_of_a_running_service_restores_what_was_there_at_that_moment(tmp_path: Path):
    data, file = tmp_path / "data", tmp_path / "copy.db"
    async with RealService(data) as service:
        before = (await ask(service, prompt="kept"))["chat_id"]
        made = oricode("backup", str(file), "--data-dir", str(data))
        assert made.returncode == 0, made.stderr
        after = (await ask(service, prompt="made after the backup"))["chat_id"]
        assert set(await chats(service)) == {before, after}
        refused = oricode("restore", str(file), "--data-dir", str(data))
        assert refused.returncode == 1
        assert "in use" in refused.stderr
        await service.stop()
        put = oricode("restore", str(file), "--data-dir", str(data))
        assert put.returncode == 0, put.stderr
        await service.start()
        assert await chats(service) == [before]
    assert file.stat().st_mode & 0o077 == 0
    assert (data / "oricode.db.before-restore").is_file()


@pytest.mark.parametrize("content", [b"", b"no database at all" * 100])
def test_what_is_no_backup_is_refused_and_changes_nothing(tmp_path, content):
    file = tmp_path / "odd"
    file.write_bytes(content)
    done = oricode("restore", str(file), "--data-dir", str(tmp_path / "data"))
    assert done.returncode == 1
    assert not (tmp_path / "data" / "oricode.db").exists()


async def test_imported_chats_go_on_where_they_ended_and_a_second_import_adds_none(tmp_path):
    file = tmp_path / "old.jsonl"
    messages = [{"role": "user", "content": "the old question"}, {"role": "assistant", "content": "the old answer"}]
    file.write_text(json.dumps({"chat_id": "old-1", "title": "Old", "messages": messages}) + "\n")
    for added in ("1 chats imported", "0 chats imported, 1 were there already"):
        done = oricode("import-chats", str(file), "--user", "me", "--data-dir", str(tmp_path / "data"))
        assert (done.returncode, added in done.stderr) == (0, True), done.stderr
    async with RealService(tmp_path / "data") as service:
        assert await chats(service) == ["old-1"]
        answered = await ask(service, prompt="and now?", chat_id="old-1")
        assert answered["status"] == "completed"
        async with httpx.AsyncClient(base_url=service.url, headers={"X-API-Key": service.key}) as http:
            held = (await http.get("/api/chats/old-1")).json()
    texts = [
        message["content"][0]["text"] if isinstance(message["content"], list) else message["content"]
        for message in held["messages"]
    ]
    assert texts[:3] == ["the old question", "the old answer", "and now?"]


def test_one_bad_line_imports_nothing(tmp_path):
    file = tmp_path / "old.jsonl"
    file.write_text('{"chat_id": "a", "messages": [{"role": "user", "content": "x"}]}\n{"chat_id": "b"}\n')
    done = oricode("import-chats", str(file), "--user", "me", "--data-dir", str(tmp_path / "data"))
    assert done.returncode == 1
    assert "line 2" in done.stderr
    assert not (tmp_path / "data").exists()
