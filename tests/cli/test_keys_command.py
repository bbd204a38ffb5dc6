"""``oricode keys``, as a process, on a real data directory."""

import os
import re
from pathlib import Path

import pytest
from oricode_protocol.errors import ClientError
from oricode_service.access.keys import Keys, public_id
from oricode_service.store.sqlite import open_keys, open_store


async def caller(data_dir: Path, key: str):
    with open_keys(data_dir) as store:
        return await Keys(store).caller(key)


async def test_create_prints_only_the_key_and_the_key_works(oricode, tmp_path):
    done = oricode("keys", "create", "--user", "anna", "--data-dir", tmp_path / "new" / "data")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(r"ok_\w+\n", done.stdout)
    found = await caller(tmp_path / "new" / "data", done.stdout.strip())
    assert (found.user, found.admin) == ("anna", False)


async def test_admin_makes_an_administrators_key(oricode, tmp_path):
    key = oricode("keys", "create", "--user", "ops", "--admin", "--data-dir", tmp_path).stdout.strip()
    assert (await caller(tmp_path, key)).admin


async def test_the_data_directory_may_come_from_the_environment(oricode, tmp_path):
    key = oricode("keys", "create", "--user", "anna", ORICODE_DATA_DIR=str(tmp_path / "env")).stdout.strip()
    assert (await caller(tmp_path / "env", key)).user == "anna"


async def test_without_either_it_is_the_folder_data_here(oricode, tmp_path):
    key = oricode("keys", "create", "--user", "anna").stdout.strip()
    assert (await caller(tmp_path / "data", key)).user == "anna"


def test_list_shows_ids_and_users_and_never_a_secret(oricode, tmp_path):
    key = oricode("keys", "create", "--user", "anna smith", "--data-dir", tmp_path).stdout.strip()
    shown = oricode("keys", "list", "--data-dir", tmp_path).stdout
    assert shown.splitlines()[0].split() == ["ID", "ROLE", "CREATED", "REVOKED", "USER"]
    assert re.search(rf"^{public_id(key)} +user +\S+ \S+Z +- +anna smith$", shown, re.MULTILINE)
    assert key.rpartition("_")[2] not in shown


@pytest.mark.parametrize("by", ["id", "whole key"])
async def test_revoke_ends_a_key_given_by_id_or_as_a_whole(oricode, tmp_path, by):
    key = oricode("keys", "create", "--user", "anna", "--data-dir", tmp_path).stdout.strip()
    for _ in ("revokes", "repeating it is harmless"):
        done = oricode("keys", "revoke", public_id(key) if by == "id" else key, "--data-dir", tmp_path)
        assert (done.returncode, done.stdout) == (0, "")
    with pytest.raises(ClientError):
        await caller(tmp_path, key)
    assert " - " not in oricode("keys", "list", "--data-dir", tmp_path).stdout


def test_revoking_what_is_not_there_says_so_and_fails(oricode, tmp_path):
    done = oricode("keys", "revoke", "nope", "--data-dir", tmp_path)
    assert done.returncode == 1
    assert done.stderr == "Error: there is no such key; see oricode keys list\n"


@pytest.mark.parametrize("user", ["", "   ", "two\nlines", "x" * 201, "\x1b[2J"])
def test_a_user_must_be_a_printable_name(oricode, tmp_path, user):
    done = oricode("keys", "create", "--user", user, "--data-dir", tmp_path)
    assert (done.returncode, done.stdout) == (2, "")


async def test_keys_are_made_and_revoked_beside_a_running_service(oricode, tmp_path):
    """The owner of the directory holds its lock and its writer all the while, and sees the change."""
    store = await open_store(tmp_path, "owner")
    try:
        key = oricode("keys", "create", "--user", "anna", "--data-dir", tmp_path).stdout.strip()
        keys = Keys(store.keys, fresh_seconds=0)
        assert (await keys.caller(key)).user == "anna"
        assert oricode("keys", "revoke", key, "--data-dir", tmp_path).returncode == 0
        with pytest.raises(ClientError):
            await keys.caller(key)
    finally:
        await store.close()


def test_creating_and_revoking_is_in_the_audit_log(oricode, tmp_path):
    key = oricode("keys", "create", "--user", "anna", "--data-dir", tmp_path).stdout.strip()
    oricode("keys", "revoke", key, "--data-dir", tmp_path)
    oricode("keys", "revoke", key, "--data-dir", tmp_path)
    with open_keys(tmp_path) as store:
        logged = store._reader.execute("select user, action, detail from audit order by at, rowid").fetchall()
    detail = f'{{"key_id":"{public_id(key)}"}}'.encode()
    assert logged == [("operator", "key.create", detail), ("operator", "key.revoke", detail)]


def test_a_place_that_cannot_be_used_is_one_line_and_not_a_traceback(oricode, tmp_path):
    (tmp_path / "file").touch()
    done = oricode("keys", "list", "--data-dir", tmp_path / "file")
    assert done.returncode == 1
    assert done.stderr.startswith("Error: the keys cannot be reached: ")
    assert done.stderr.count("\n") == 1


def test_a_database_of_a_newer_service_is_refused_in_one_line(oricode, tmp_path):
    with open_keys(tmp_path) as store:
        store._reader.execute("pragma user_version=1000000")
    done = oricode("keys", "list", "--data-dir", tmp_path)
    assert done.returncode == 1
    assert "version 1000000" in done.stderr
    assert done.stderr.count("\n") == 1


def test_the_database_is_for_its_owner_only(oricode, tmp_path):
    oricode("keys", "create", "--user", "anna", "--data-dir", tmp_path / "data")
    assert os.stat(tmp_path / "data").st_mode & 0o077 == 0
