"""A model call as the bodies of ``POST /v1/messages`` and ``/v1/messages/count_tokens``.

In: a :class:`ModelCall`. Out: JSON in UTF-8. What UTF-8 cannot hold (half an emoji, when a delta was cut there) is
mended on the way out: providers refuse lone surrogates. Empty parts are left out, and of ``metadata`` everything but
``user_id``, because a provider refuses the whole call for a field that it does not know. Nothing else is validated, the
provider does that.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from oricode_protocol import codec

from .port import ModelCall


def body(call: ModelCall, extra: Mapping[str, Any]) -> bytes:
    """The streaming request. ``extra`` fields (a compatible server's sampling settings) lose against the call's own."""
    request = {**extra, **_prompt(call), "max_tokens": call.max_tokens, "stream": True}
    user_id = (call.metadata or {}).get("user_id")
    if isinstance(user_id, str):
        request["metadata"] = {"user_id": user_id}
    return _encode(request)


def prompt(call: ModelCall) -> bytes:
    """What the call puts before the model, for counting."""
    return _encode(_prompt(call))


def _prompt(call: ModelCall) -> dict[str, Any]:
    request: dict[str, Any] = {"model": call.model, "messages": call.messages}
    if call.system:
        request["system"] = call.system
    if call.tools:
        request["tools"] = call.tools
    if call.thinking is not None:
        request["thinking"] = call.thinking
    return request


def _encode(request: dict[str, Any]) -> bytes:
    data = codec.dumps(request)
    if b"\\ud" in data:  # perhaps a lone surrogate, which the codec writes as an escape; perhaps just such a text
        data = codec.dumps(_mended(request))
    return data


def _mended(value: Any) -> Any:
    """``value`` with every text in it as valid Unicode, mapping keys included."""
    if isinstance(value, str):
        return codec.mend(value)
    if isinstance(value, list):
        return [_mended(item) for item in value]
    if isinstance(value, dict):
        return {_mended(key): _mended(item) for key, item in value.items()}
    return value
