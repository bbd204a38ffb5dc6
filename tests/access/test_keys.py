"""Making and recognising keys, against a real store."""

import hmac
import re
from pathlib import Path

import pytest
from oricode_protocol.errors import ClientError
from oricode_service.access.keys import FRESH_SECONDS, Caller, Keys, ensure_first_key, new_key, public_id


class CountingStore:
    """Passes on to a real store and counts what the hot path asks."""

    def __init__(self, store) -> None:
        self._store = store
        self.lookups = 0

    async def get(self, key_id):
        self.lookups += 1
        return await self._store.get(key_id)


async def added(store, user="anna", admin=False) -> str:
    key, row = new_key(user, admin=admin, now=1)
    await store.add(row)
    return key


async def test_a_new_key_is_recognised_with_its_user_and_role(store, clock):
    keys = Keys(store, clock=clock)
    plain, admin = await added(store, "anna"), await added(store, "bert", admin=True)
    assert await keys.caller(plain) == Caller(public_id(plain), "anna", False)
    assert await keys.caller(admin) == Caller(public_id(admin), "bert", True)


def test_a_key_is_safe_in_urls_headers_and_subprotocols_and_never_the_same():
    made = {new_key("anna", admin=False, now=1)[0] for _ in range(200)}
    assert len(made) == 200
    assert all(re.fullmatch(r"ok_[A-Za-z0-9]{12}_[A-Za-z0-9]{43}", key) for key in made)


async def test_the_secret_is_nowhere_in_the_database_files(store, tmp_path: Path):
    key = await added(store)
    held = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert public_id(key).encode() in held
    assert key.rpartition("_")[2].encode() not in held


async def test_whatever_is_wrong_with_a_key_the_answer_is_the_same(store):
    keys = Keys(store)
    key = await added(store)
    other = await added(store)
    wrong_secret = key[:-1] + ("a" if key[-1] != "a" else "b")
    foreign_secret = f"ok_{public_id(key)}_{other.rpartition('_')[2]}"
    unknown = new_key("anna", admin=False, now=1)[0]
    odd = [
        "",
        "ok_",
        "ok__",
        key + "x",
        key[:-1],
        key.upper(),
        f" {key}",
        f"{key}\n",
        "\ud800",
        "é" * 59,
        "x" * 100_000,
    ]
    sentences = set()
    for text in [wrong_secret, foreign_secret, unknown, *odd]:
        with pytest.raises(ClientError) as refused:
            await keys.caller(text)
        sentences.add((refused.value.code, refused.value.sentence))
    assert len(sentences) == 1
    assert sentences.pop()[0] == "unauthorized"


async def test_an_unknown_key_costs_the_same_comparison_as_a_wrong_one(store, monkeypatch):
    """Time itself is not measured: what must not happen is an early answer without a comparison."""
    compared = []
    real = hmac.compare_digest
    monkeypatch.setattr(hmac, "compare_digest", lambda a, b: compared.append((len(a), len(b))) or real(a, b))
    keys = Keys(store)
    for text in [new_key("anna", admin=False, now=1)[0], "not a key", (await added(store))[:-1] + "-"]:
        with pytest.raises(ClientError):
            await keys.caller(text)
    assert compared == [(32, 32)] * 3


async def test_the_database_is_asked_once_in_two_seconds_for_a_busy_key(store, clock):
    key = await added(store)
    counting = CountingStore(store)
    keys = Keys(counting, clock=clock)
    for _ in range(100):
        await keys.caller(key)
    assert counting.lookups == 1
    clock.pass_by(FRESH_SECONDS)
    await keys.caller(key)
    assert counting.lookups == 2


async def test_a_remembered_row_does_not_let_a_wrong_secret_in(store, clock):
    key = await added(store)
    keys = Keys(store, clock=clock)
    await keys.caller(key)
    with pytest.raises(ClientError):
        await keys.caller(key[:-1] + ("a" if key[-1] != "a" else "b"))


async def test_a_revoked_key_is_refused_within_two_seconds(store, clock):
    key = await added(store)
    keys = Keys(store, clock=clock)
    await keys.caller(key)
    await store.revoke(public_id(key), 2)
    clock.pass_by(FRESH_SECONDS)
    with pytest.raises(ClientError):
        await keys.caller(key)
    with pytest.raises(ClientError) as refused:
        await keys.by_id(public_id(key))
    assert refused.value.code == "key_revoked"


async def test_a_flood_of_unknown_ids_does_not_evict_known_keys(store, clock):
    key = await added(store)
    counting = CountingStore(store)
    keys = Keys(counting, clock=clock)
    await keys.caller(key)
    for _ in range(50):
        with pytest.raises(ClientError):
            await keys.caller(new_key("eve", admin=False, now=1)[0])
    before = counting.lookups
    await keys.caller(key)
    assert counting.lookups == before


async def test_the_first_start_makes_an_administrators_key_and_the_second_none(store):
    first = await ensure_first_key(store, now=1)
    assert (await Keys(store).caller(first)).admin
    assert await ensure_first_key(store, now=2) is None


async def test_no_first_key_is_made_when_all_keys_are_revoked(store):
    """Revoking the last key locks the door; a restart must not open it again."""
    key = await added(store)
    await store.revoke(public_id(key), 2)
    assert await ensure_first_key(store, now=3) is None
