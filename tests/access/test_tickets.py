"""One-use tickets, against a real store."""

import re
from pathlib import Path

import pytest
from oricode_protocol.errors import ClientError
from oricode_service.access.keys import Caller, Keys, new_key
from oricode_service.access.tickets import LIFETIME_MS, Tickets


@pytest.fixture
async def key_id(store) -> str:
    _, row = new_key("anna", admin=False, now=1)
    await store.add(row)
    return row.id


@pytest.fixture
def tickets(store, clock) -> Tickets:
    return Tickets(store, Keys(store, clock=clock), clock=clock.ms)


async def refusal(tickets: Tickets, ticket: str) -> str:
    with pytest.raises(ClientError) as refused:
        await tickets.take(ticket)
    return refused.value.code


async def test_a_ticket_stands_for_its_key_once(tickets, key_id):
    ticket = await tickets.issue(key_id)
    assert await tickets.take(ticket) == Caller(key_id, "anna", False)
    assert await refusal(tickets, ticket) == "unauthorized"


async def test_a_ticket_expires_after_thirty_seconds(tickets, key_id, clock):
    fresh, stale = await tickets.issue(key_id), await tickets.issue(key_id)
    clock.pass_by(LIFETIME_MS / 1000 - 0.001)
    assert await tickets.take(fresh)
    clock.pass_by(0.001)
    assert await refusal(tickets, stale) == "unauthorized"


async def test_a_ticket_of_a_revoked_key_is_refused(tickets, key_id, store):
    ticket = await tickets.issue(key_id)
    await store.revoke(key_id, 2)
    assert await refusal(tickets, ticket) == "key_revoked"


@pytest.mark.parametrize("ticket", ["", "x", "\ud800", "a" * 10_000])
async def test_a_made_up_ticket_is_refused(tickets, ticket):
    assert await refusal(tickets, ticket) == "unauthorized"


async def test_a_ticket_fits_into_a_subprotocol_and_is_not_stored_in_clear(tickets, key_id, tmp_path: Path):
    ticket = await tickets.issue(key_id)
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", ticket)
    assert ticket.encode() not in b"".join(file.read_bytes() for file in tmp_path.iterdir())
