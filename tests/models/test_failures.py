"""Statuses, headers and error bodies become rows of the error table."""

from __future__ import annotations

import math

import pytest
from oricode_service.models import failures

NOON = 1_795_262_400.0  # Sat, 21 Nov 2026 12:00:00 GMT


def refused(status: int, error_type: str = "", message: str = "", secret: str = "", **headers: str):
    body = {"type": "error", "error": {"type": error_type, "message": message}}
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return failures.from_status(status, names, body, model="claude-x", now=NOON, secret=secret)


@pytest.mark.parametrize(
    ("status", "code", "retryable"),
    [
        (400, "upstream_rejected", False),
        (401, "upstream_auth", False),
        (402, "upstream_rejected", False),
        (403, "upstream_auth", False),
        (404, "upstream_unknown_model", False),
        (408, "upstream_unavailable", True),
        (409, "upstream_unavailable", True),
        (413, "upstream_rejected", False),
        (422, "upstream_rejected", False),
        (429, "upstream_rate_limited", True),
        (500, "upstream_unavailable", True),
        (503, "upstream_unavailable", True),
        (529, "upstream_overloaded", True),
        (301, "upstream_rejected", False),
    ],
)
def test_each_status_has_its_row(status: int, code: str, retryable: bool):
    failure = refused(status)
    assert (failure.code, failure.retryable) == (code, retryable)
    assert failure.sentence.endswith((".", f"(HTTP {status})."))


@pytest.mark.parametrize(
    ("error_type", "code"),
    [
        ("overloaded_error", "upstream_overloaded"),
        ("rate_limit_error", "upstream_rate_limited"),
        ("api_error", "upstream_unavailable"),
        ("invalid_request_error", "upstream_rejected"),
        ("authentication_error", "upstream_auth"),
        ("not_found_error", "upstream_unknown_model"),
        ("something_new", "upstream_unavailable"),
    ],
)
def test_each_error_event_has_its_row(error_type: str, code: str):
    assert failures.from_event({"type": "error", "error": {"type": error_type, "message": "m"}}).code == code


@pytest.mark.parametrize("event", [{}, {"error": None}, {"error": "text"}, {"error": {"type": 7, "message": []}}])
def test_an_error_event_of_an_odd_shape_is_still_a_failure(event: dict[str, object]):
    assert failures.from_event(event).code == "upstream_unavailable"


def test_the_provider_s_own_word_about_retrying_wins():
    assert refused(529, x_should_retry="false").retryable is False
    assert refused(400, x_should_retry="true").retryable is True
    assert refused(529, x_should_retry="perhaps").retryable is True


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry_after": "3"}, 3.0),
        ({"retry_after": "0.5"}, 0.5),
        ({"retry_after_ms": "250", "retry_after": "3"}, 0.25),
        ({"retry_after": "Sat, 21 Nov 2026 12:00:30 GMT"}, 30.0),
        ({"retry_after": "Sat, 21 Nov 2026 11:00:00 GMT"}, 0.0),
        ({"retry_after": "-1"}, None),
        ({"retry_after": "nan"}, None),
        ({"retry_after": "inf"}, None),
        ({"retry_after": "soon"}, None),
        ({"retry_after": ""}, None),
        ({}, None),
    ],
)
def test_retry_after_is_read_in_all_its_forms(headers: dict[str, str], seconds: float | None):
    assert refused(429, **headers).retry_after == seconds


def test_an_absurd_date_is_no_date():
    value = failures.retry_after({"retry-after": "Sat, 21 Nov 99999999999 12:00:00 GMT"}, NOON)
    assert value is None or math.isfinite(value)


def test_a_rejection_carries_the_provider_s_reason_on_one_bounded_line_without_the_key():
    failure = refused(400, "invalid_request_error", "messages:\n too\0 long, key sk-1 " + "x" * 1000, secret="sk-1")
    assert failure.sentence.startswith("The model provider refused the request: messages: too long, key … xxx")
    assert "\n" not in failure.sentence
    assert "sk-1" not in failure.sentence
    assert len(failure.sentence) < 600


def test_other_failures_do_not_quote_the_provider():
    assert "sk-1" not in refused(401, "authentication_error", "invalid key sk-1", secret="sk-1").sentence
    assert "Oops" not in refused(500, "api_error", "Oops").sentence


def test_an_overloaded_gateway_is_recognised_by_its_body():
    assert refused(503, "overloaded_error").code == "upstream_overloaded"


def test_a_body_that_is_no_json_does_no_harm():
    failure = failures.from_status(502, {}, "<html>Bad gateway</html>", model="m", now=NOON)
    assert failure.sentence == "The model provider has an internal error (HTTP 502)."


def test_an_unknown_model_is_named():
    assert "'claude-x'" in refused(404).sentence
