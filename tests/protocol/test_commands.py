"""Commands from hostile input: parsed as declared, refused with the field's name, extra fields ignored."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oricode_protocol.commands import COMMANDS, Approve, Attach, Chat, Command, Feedback, ToolAnswer, parse
from oricode_protocol.errors import ClientError

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
FULL_CHAT: dict[str, Any] = {
    "prompt": "Hi", "messages": [{"role": "user", "content": "x"}], "model": "m", "tools": [{}], "chat_id": "c",
    "client_type": "eclipse", "stream": True, "max_tokens": 5, "system": "s", "thinking": {}, "metadata": {},
    "if_busy": "reject", "on_disconnect": "cancel", "approvals": False, "batch_ms": 0, "idempotency_key": "k",
}  # fmt: skip


def refusal(cls: type[Command], data: Any) -> str:
    with pytest.raises(ClientError) as caught:
        parse(cls, data)
    assert caught.value.code == "invalid_request"
    return caught.value.sentence


def test_a_full_chat_request_is_taken_as_it_is() -> None:
    chat = parse(Chat, FULL_CHAT)
    assert {name: getattr(chat, name) for name in FULL_CHAT} == FULL_CHAT


def test_unknown_fields_are_ignored_and_null_counts_as_absent() -> None:
    assert parse(Chat, {"prompt": "x", "temperature": 1, "__class__": "evil", "stream": None}) == Chat(prompt="x")


@pytest.mark.parametrize("data", [None, [], "chat", 1, True, [["prompt", "x"]]])
def test_what_is_no_object_is_refused(data: Any) -> None:
    assert refusal(Chat, data) == "The request must be a JSON object."


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("prompt", 1, "`prompt` must be a string."),
        ("prompt", ["x"], "`prompt` must be a string."),
        ("messages", {}, "`messages` must be a list."),
        ("messages", [{}, "x"], "`messages` must be a list; item 1 must be an object."),
        ("model", {"name": "x"}, "`model` must be a string."),
        ("tools", "x", "`tools` must be a list."),
        ("stream", "true", "`stream` must be true or false."),
        ("stream", 1, "`stream` must be true or false."),
        ("max_tokens", True, "`max_tokens` must be an integer."),
        ("max_tokens", 1.5, "`max_tokens` must be an integer."),
        ("max_tokens", "1", "`max_tokens` must be an integer."),
        ("thinking", [], "`thinking` must be an object."),
        ("if_busy", "wait", "`if_busy` must be one of enqueue, reject, interrupt."),
        ("if_busy", ["reject"], "`if_busy` must be one of enqueue, reject, interrupt."),
        ("on_disconnect", 0, "`on_disconnect` must be one of continue, cancel."),
        ("batch_ms", float("nan"), "`batch_ms` must be an integer."),
    ],
)
def test_a_wrong_type_is_refused_with_the_field_s_name(field: str, value: Any, says: str) -> None:
    assert refusal(Chat, FULL_CHAT | {field: value}) == says


@pytest.mark.parametrize(
    ("cls", "given_fields", "missing"),
    [
        (Attach, {}, "run"),
        (ToolAnswer, {"run": "r", "tool_call_id": "t"}, "content"),
        (Approve, {"run": "r", "approval_id": "a"}, "decision"),
        (Feedback, {"run": "r", "rating": None}, "rating"),
    ],
)
def test_a_missing_field_is_named(cls: type[Command], given_fields: dict[str, Any], missing: str) -> None:
    assert refusal(cls, given_fields) == f"`{missing}` is required."


def test_from_is_from_on_the_wire() -> None:
    assert parse(Attach, {"run": "r", "from": "snapshot"}).from_ == "snapshot"
    assert parse(Attach, {"run": "r", "from_": "snapshot"}).from_ is None
    assert refusal(Attach, {"run": "r", "from": "start"}) == "`from` must be one of snapshot."


@given(st.sampled_from([*COMMANDS.values(), Feedback]), st.data())
def test_anything_at_all_is_a_command_or_a_refusal_that_names_a_field(cls: type[Command], data: st.DataObject) -> None:
    names = [name.rstrip("_") for name in cls.__dataclass_fields__]
    given_fields = data.draw(st.dictionaries(st.sampled_from(names), ANYTHING, max_size=6))
    said = None
    try:
        parse(cls, given_fields)
    except ClientError as refused:
        said = refused.sentence
    assert said is None or any(f"`{name}`" in said for name in names)
