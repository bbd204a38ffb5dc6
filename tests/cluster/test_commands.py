"""What operators ask: commands beside running instances, given the database's address, and the dashboard of one."""

from __future__ import annotations

import asyncio
import json

import httpx
import pytest
from cli.conftest import oricode  # noqa: F401 - a fixture
from clients.real_service import RealService
from oricode_service.access.keys import Keys, public_id
from oricode_service.models.script import Say, Script

HELLO = Script(((Say("Hello."),),))


@pytest.fixture
def command(oricode, address):  # noqa: F811
    """Runs ``oricode`` on the test's database, without stopping the instances meanwhile."""

    async def run(*arguments: object, **variables: str):
        return await asyncio.to_thread(oricode, *arguments, **{"DATABASE_URL": address, **variables})

    return run


async def test_a_key_that_is_made_opens_every_instance_and_a_revoked_one_none(instances, command):
    both = await instances.start(HELLO, 2)
    key = (await command("keys", "create", "--user", "bert", "--admin")).stdout.strip()
    for instance in both:
        caller = await Keys(instance.store.keys).caller(key)
        assert (caller.user, caller.admin) == ("bert", True)
    assert "bert" in (await command("keys", "list")).stdout
    assert (await command("keys", "revoke", key)).returncode == 0
    for instance in both:
        row = await instance.store.keys.get(public_id(key))
        assert row is not None
        assert row.revoked_at is not None


async def test_the_report_counts_the_runs_of_all_instances(instances, command):
    for instance in await instances.start(HELLO, 2):
        await instance.watch(await instance.run())
    said = await command("report", "--json")
    assert said.returncode == 0, said.stderr
    assert json.loads(said.stdout)["streaming"]["completed"] == 2


async def test_imported_chats_go_on_where_they_ended_and_a_second_import_adds_none(instances, command, tmp_path):
    (one,) = await instances.start(HELLO, 1)
    file = tmp_path / "old.jsonl"
    messages = [{"role": "user", "content": "the old question"}, {"role": "assistant", "content": "the old answer"}]
    file.write_text(json.dumps({"chat_id": "old-1", "title": "Old", "messages": messages}) + "\n")
    for added in ("1 chats imported", "0 chats imported, 1 were there already"):
        done = await command("import-chats", file, "--user", "anna")
        assert (done.returncode, added in done.stderr) == (0, True), done.stderr
    run = await one.run("and now?", chat_id="old-1")
    await one.watch(run)
    held = await one.store.chats.messages(run.chat_no, 0, 10)
    assert [message.role for _, message, _ in held] == ["user", "assistant", "user", "assistant"]


@pytest.mark.parametrize("arguments", [["keys", "list"], ["report"], ["import-chats", "old.jsonl", "--user", "anna"]])
async def test_a_database_that_cannot_be_used_is_one_line(command, address, tmp_path, arguments):
    (tmp_path / "old.jsonl").write_text('{"chat_id": "a", "messages": [{"role": "user", "content": "x"}]}\n')
    done = await command(*arguments, DATABASE_URL=address.replace("oricode:", "oricode:not-the-"))
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "authentication failed" in done.stderr
    assert "not-the-" not in done.stderr


async def test_the_dashboard_of_one_instance_shows_the_live_runs_of_all(address, tmp_path):
    settings = {"ORICODE_DATABASE_URL": address, "ORICODE_MODEL": "firehose"}
    talk = {"prompt": "Go.", "model": "firehose:100000@1", "stream": True}
    async with RealService(tmp_path, **settings) as one, RealService(tmp_path, **settings) as other:
        async with httpx.AsyncClient(headers={"X-API-Key": one.key}, timeout=30) as http:
            async with (
                http.stream("POST", f"{other.url}/api/chat", json=talk) as far,
                http.stream("POST", f"{one.url}/api/chat", json=talk) as near,
            ):
                assert far.status_code == near.status_code == 200
                data = (await http.get(f"{one.url}/api/admin/overview")).json()
    assert data["live_total"] == 2
    assert sorted(run["viewers"] for run in data["live"] if run["viewers"] is not None) == [1]
    assert [run["doing"] for run in data["live"] if run["viewers"] is None] == ["elsewhere"]
