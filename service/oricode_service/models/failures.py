"""What went wrong upstream, as rows of the protocol's error table.

In: a status with its headers and error body, an ``error`` event of a stream, or the bare fact (nobody answered,
silence, broken off). Out: an :class:`UpstreamFailure` whose sentence a person may read. No I/O, no SDK: ``anthropic``
calls it, tests call it with plain values. Ignores the raw body and every header but the three about retrying.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from email.utils import mktime_tz, parsedate_tz
from typing import Any, NamedTuple

from .port import UpstreamFailure

MESSAGE_LIMIT = 500
"""Characters of a provider's own message that go into a sentence."""


class Kind(NamedTuple):
    """A row: the code, whether calling again may help, and what a person reads."""

    code: str
    retryable: bool
    sentence: str


OVERLOADED = Kind("upstream_overloaded", True, "The model provider is overloaded.")
RATE_LIMITED = Kind("upstream_rate_limited", True, "The model provider limits this service's requests.")
UNAVAILABLE = Kind("upstream_unavailable", True, "The model provider cannot be reached.")
FAULTY = Kind("upstream_unavailable", True, "The model provider has an internal error.")
TIMEOUT = Kind("upstream_timeout", True, "The model provider fell silent.")
DROPPED = Kind("upstream_dropped", True, "The model's answer broke off.")
REJECTED = Kind("upstream_rejected", False, "The model provider refused the request.")
AUTH = Kind("upstream_auth", False, "The model provider does not accept this service's credentials.")
UNKNOWN_MODEL = Kind("upstream_unknown_model", False, "The model provider does not know this model.")

KINDS = {
    kind.code: kind for kind in (OVERLOADED, RATE_LIMITED, UNAVAILABLE, TIMEOUT, DROPPED, REJECTED, AUTH, UNKNOWN_MODEL)
}
"""Every code a provider may raise, each with its plain row."""

_BY_TYPE = {
    "overloaded_error": OVERLOADED,
    "rate_limit_error": RATE_LIMITED,
    "api_error": FAULTY,
    "timeout_error": FAULTY,
    "invalid_request_error": REJECTED,
    "request_too_large": REJECTED,
    "billing_error": REJECTED,
    "authentication_error": AUTH,
    "permission_error": AUTH,
    "not_found_error": UNKNOWN_MODEL,
}
"""``error.type`` of the Messages API; it is the only word there is once a stream has begun with status 200."""

_BY_STATUS = {
    401: AUTH,
    403: AUTH,
    404: UNKNOWN_MODEL,
    408: FAULTY,
    409: FAULTY,
    429: RATE_LIMITED,
    499: FAULTY,
    529: OVERLOADED,
}


def failure(kind: Kind, sentence: str = "") -> UpstreamFailure:
    """A failure of ``kind``, with a more telling sentence where there is one."""
    return UpstreamFailure(kind.code, sentence or kind.sentence, retryable=kind.retryable)


def from_status(
    status: int, headers: Mapping[str, str], body: object, *, model: str, now: float, secret: str = ""
) -> UpstreamFailure:
    """The failure behind an answer that is not 2xx.

    ``headers`` must look names up without regard to case. ``body`` is the decoded JSON, or anything else when there
    was none. ``now`` is Unix time in seconds (for a ``Retry-After`` date). ``secret`` never appears in the sentence.
    """
    kind = _BY_STATUS.get(status)
    if kind is None:
        kind = REJECTED if 300 <= status < 500 else FAULTY
    error_type, message = _type_and_message(body)
    if error_type == "overloaded_error":
        kind = OVERLOADED  # gateways send it with 503 too
    if kind is REJECTED:
        sentence = _with_reason(kind.sentence, message, secret)
    elif kind is UNKNOWN_MODEL:
        sentence = f"The model provider does not know the model {model!r}, or its address is wrong (HTTP 404)."
    else:
        sentence = f"{kind.sentence[:-1]} (HTTP {status})."
    should_retry = headers.get("x-should-retry")  # the provider's own word outranks the table
    retryable = kind.retryable if should_retry not in ("true", "false") else should_retry == "true"
    return UpstreamFailure(kind.code, sentence, retryable=retryable, retry_after=retry_after(headers, now))


def from_event(event: Mapping[str, Any], *, secret: str = "") -> UpstreamFailure:
    """The failure behind an ``error`` event inside a stream."""
    error_type, message = _type_and_message(event)
    kind = _BY_TYPE.get(error_type, FAULTY)
    return failure(kind, _with_reason(kind.sentence, message, secret) if kind is REJECTED else "")


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds the provider asks us to wait, from ``retry-after-ms`` or ``retry-after`` (number or HTTP date)."""
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    value = headers.get("retry-after")
    seconds = _number(value)
    if seconds is not None or not value:
        return seconds
    date = parsedate_tz(value)
    if date is None:
        return None
    try:
        return max(0.0, mktime_tz(date) - now)
    except (ValueError, OverflowError):  # a date that no calendar holds
        return None


def _number(value: str | None) -> float | None:
    try:
        number = float(value or "")
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None


def _type_and_message(body: object) -> tuple[str, str]:
    error = body.get("error") if isinstance(body, Mapping) else None
    if not isinstance(error, Mapping):
        return "", ""
    error_type, message = error.get("type"), error.get("message")
    return error_type if isinstance(error_type, str) else "", message if isinstance(message, str) else ""


def _with_reason(sentence: str, message: str, secret: str) -> str:
    """``sentence`` with the provider's own reason, on one line, bounded, without the key."""
    reason = re.sub(r"[\s\x00-\x1f\x7f]+", " ", message).strip()
    if secret:
        reason = reason.replace(secret, "…")
    if len(reason) > MESSAGE_LIMIT:
        reason = reason[: MESSAGE_LIMIT - 1] + "…"
    return f"{sentence[:-1]}: {reason}" if reason else sentence
