"""The error table: every row usable, blame and class agree, nothing promised that HTTP or WebSocket cannot say."""

from __future__ import annotations

import pytest
from oricode_protocol.errors import TABLE, Blame, ClientError, OricodeError, Row, ServiceError, UpstreamError, error

ROWS = list(TABLE.values())
CLASSES = {Blame.CLIENT: ClientError, Blame.SERVICE: ServiceError, Blame.UPSTREAM: UpstreamError}


@pytest.mark.parametrize("row", ROWS, ids=list(TABLE))
def test_a_row_makes_an_exception_of_the_class_of_its_blame(row: Row) -> None:
    made = error(row.code)
    assert type(made) is CLASSES[row.blame]
    assert isinstance(made, OricodeError)
    assert (made.code, str(made), made.sentence) == (row.code, row.sentence, row.sentence)


@pytest.mark.parametrize("row", ROWS, ids=list(TABLE))
def test_a_row_is_honest_about_whose_fault_it_is(row: Row) -> None:
    if row.blame is Blame.CLIENT:
        assert 400 <= row.status < 500
    elif row.blame is Blame.UPSTREAM:
        assert row.status == 200, "a run that failed upstream had started: the HTTP answer was 200"
    else:
        assert row.status == 200 or row.status >= 500


@pytest.mark.parametrize("row", ROWS, ids=list(TABLE))
def test_a_close_code_is_one_that_an_endpoint_may_send(row: Row) -> None:
    """RFC 6455: 1005, 1006 and 1015 are never sent; 4000-4999 are private."""
    if row.close is not None:
        assert row.close in (1008, 1009, 1011, 1012, 1013) or 4400 <= row.close <= 4499


@pytest.mark.parametrize("row", ROWS, ids=list(TABLE))
def test_a_sentence_is_a_sentence(row: Row) -> None:
    assert row.sentence.endswith(".")
    assert row.sentence[0].isupper()


def test_a_problem_says_everything_a_client_needs() -> None:
    problem = error("rate_limited", retry_after=1.5).problem()
    assert problem == {
        "type": "about:blank",
        "title": "rate limited",
        "status": 429,
        "code": "rate_limited",
        "detail": "Too many requests with this key; wait for Retry-After.",
        "retryable": True,
        "retry_after_ms": 1500,
    }


def test_a_better_sentence_replaces_the_table_s() -> None:
    made = error("not_found", "There is no such chat.")
    assert made.problem()["detail"] == "There is no such chat."
    assert "retry_after_ms" not in made.problem()


def test_an_unknown_code_is_a_bug_and_fails_at_once() -> None:
    with pytest.raises(KeyError):
        error("no_such_code")
