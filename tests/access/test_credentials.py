"""Where a key may be carried."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oricode_service.access.credentials import Key, Ticket, from_headers, from_subprotocols

KEY = "ok_abcdefghijkl_" + "S" * 43


@pytest.mark.parametrize(
    ("x_api_key", "authorization", "found"),
    [
        (KEY, None, Key(KEY)),
        (None, f"Bearer {KEY}", Key(KEY)),
        (None, f"bearer   {KEY}  ", Key(KEY)),
        (f" {KEY} ", None, Key(KEY)),
        (KEY, "Bearer other", Key(KEY)),
        ("", f"Bearer {KEY}", Key(KEY)),
        (None, None, None),
        (None, "Bearer", None),
        (None, "Bearer ", None),
        (None, f"Basic {KEY}", None),
        (None, KEY, None),
    ],
)
def test_the_key_is_found_in_either_header(x_api_key, authorization, found):
    assert from_headers(x_api_key, authorization) == found


def encoded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    ("offered", "found"),
    [
        (["oricode.v1"], None),
        ([], None),
        (["oricode.v1", f"oricode.key.{encoded(KEY)}"], Key(KEY)),
        (["oricode.v1", f"oricode.key.{base64.urlsafe_b64encode(KEY.encode()).decode()}"], Key(KEY)),
        (["oricode.ticket.abc-_", "oricode.v1"], Ticket("abc-_")),
        (["oricode.ticket.abc", f"oricode.key.{encoded(KEY)}"], Ticket("abc")),
        (["oricode.key.!!"], None),
        (["oricode.key.a"], None),
        (["oricode.key._w"], None),
    ],
)
def test_the_key_or_ticket_is_found_among_subprotocols(offered, found):
    assert from_subprotocols(offered) == found


@given(st.text())
def test_no_subprotocol_makes_it_fail(text):
    found = from_subprotocols([f"oricode.key.{text}"])
    assert found is None or isinstance(found, Key)
