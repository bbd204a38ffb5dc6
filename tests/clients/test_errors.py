"""Who is to blame: every row of the protocol's table, and what has no row."""

from __future__ import annotations

import pytest
from oricode_client import errors
from oricode_protocol.errors import TABLE, error


@pytest.mark.parametrize("code", TABLE)
def test_every_row_becomes_an_error_with_its_blame_and_its_word_on_retrying(code: str) -> None:
    mine = errors.from_problem(error(code, "A sentence.").problem(), TABLE[code].status)
    row = TABLE[code]
    assert (mine.code, mine.blame, mine.retryable, str(mine)) == (code, row.blame.value, row.retryable, "A sentence.")


@pytest.mark.parametrize(
    ("status", "blame", "retryable"),
    [(400, "client", False), (404, "client", False), (408, "client", True), (429, "client", True),
     (500, "service", True), (502, "service", True), (504, "service", True)],
)  # fmt: skip
def test_a_status_without_a_code_is_judged_by_itself(status: int, blame: str, retryable: bool) -> None:
    mine = errors.from_problem({}, status)
    assert (mine.code, mine.blame, mine.retryable) == (f"http_{status}", blame, retryable)


def test_a_code_of_a_newer_service_keeps_what_it_says_of_itself() -> None:
    mine = errors.from_problem({"code": "moon_phase", "detail": "Not tonight.", "retryable": True}, 409)
    assert isinstance(mine, errors.Conflict)
    assert (mine.code, mine.retryable, mine.sentence) == ("moon_phase", True, "Not tonight.")


def test_gone_points_to_the_stored_message() -> None:
    gone = errors.from_problem({"code": "gone", "message_url": "/api/chats/chat_1"}, 410)
    assert isinstance(gone, errors.Gone)
    assert gone.message_url == "/api/chats/chat_1"


@pytest.mark.parametrize(
    ("close", "kind"),
    [(1006, errors.ConnectionLost), (1012, errors.ConnectionLost), (1011, errors.ConnectionLost),
     (4408, errors.ConnectionLost), (4401, errors.Unauthorized), (4403, errors.Unauthorized),
     (4400, errors.RequestRefused), (1009, errors.RequestRefused)],
)  # fmt: skip
def test_a_close_code_is_final_only_when_its_row_says_so(close: int, kind: type[Exception]) -> None:
    assert type(errors.from_close(close, "")) is kind
