"""WebSocket frames: the same triple as SSE, replies that name the command, refusals for every bad frame."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oricode_protocol import frames
from oricode_protocol.codec import loads
from oricode_protocol.commands import Attach, Chat
from oricode_protocol.errors import error
from oricode_protocol.frames import BadRequest, Request, frame, parse_request, refusal, reply, request
from protocol.recorded import recorded


@pytest.mark.parametrize("name", recorded("runs"))
def test_frames_of_a_recorded_run_say_what_its_sse_says(name: str) -> None:
    golden = recorded("runs")[name]
    said = [json.loads(text) for text in golden["frames"]]
    assert [(f["id"], f["event"], f["data"]) for f in said] == [
        (e["id"], e["event"], e["data"]) for e in golden["events"]
    ]
    assert {f["run"] for f in said} == {golden["run"]}


@pytest.mark.parametrize("id", [b"", b"r.1.1"])
@pytest.mark.parametrize("run", [b"", b"r"])
def test_an_absent_part_is_absent_and_not_empty(id: bytes, run: bytes) -> None:
    made = json.loads(frame(b"heartbeat", b'{"timestamp":1}', run, id))
    assert made.pop("event") == "heartbeat"
    assert made.pop("data") == {"timestamp": 1}
    assert made == {key: value.decode() for key, value in (("id", id), ("run", run)) if value}


def test_frames_at_once_are_the_same_as_one_by_one() -> None:
    one_by_one = [frame(b"content", b'{"n":%d}' % n, b"run_1", b"run_1.3.%d" % (n + 7)) for n in range(3)]
    assert frames.frames(b"content", b'{"n":0}\n{"n":1}\n{"n":2}', b"run_1", 3, 7) == one_by_one


def test_a_command_comes_back_from_its_frame() -> None:
    assert parse_request(request("chat", {"prompt": "x"}, "1")) == Request("1", Chat(prompt="x"))
    assert parse_request(request("attach", {"run": "r"}, 7)) == Request(7, Attach(run="r"))
    assert parse_request('{"command":"chat","data":{"prompt":"x"}}').ref is None


@pytest.mark.parametrize(
    ("text", "code", "ref"),
    [
        ("", "malformed_json", None),
        ("{", "malformed_json", None),
        ("[]", "invalid_request", None),
        ("null", "invalid_request", None),
        ('"chat"', "invalid_request", None),
        ('{"command":"chat","ref":[]}', "invalid_request", None),
        ('{"command":"chat","ref":true}', "invalid_request", None),
        ('{"command":"chat","ref":1.5}', "invalid_request", None),
        ('{"ref":"a"}', "unknown_command", "a"),
        ('{"ref":"a","command":"fly"}', "unknown_command", "a"),
        ('{"ref":"a","command":["chat"]}', "unknown_command", "a"),
        ('{"ref":"a","command":"feedback","data":{"run":"r","rating":"up"}}', "unknown_command", "a"),
        ('{"ref":"a","command":"attach"}', "invalid_request", "a"),
        ('{"ref":"a","command":"attach","data":[1]}', "invalid_request", "a"),
        ('{"ref":2,"command":"chat","data":{"prompt":1}}', "invalid_request", 2),
        ('{"ref":2,"command":"chat","data":[]}', "invalid_request", 2),
        ('{"ref":2,"command":"chat","data":""}', "invalid_request", 2),
        ('{"ref":2,"command":"attach","data":null}', "invalid_request", 2),
    ],
)
def test_a_bad_frame_is_refused_with_its_ref_when_it_has_one(text: str, code: str, ref: Any) -> None:
    with pytest.raises(BadRequest) as caught:
        parse_request(text)
    assert (caught.value.reason.code, caught.value.ref) == (code, ref)


@given(st.text(max_size=40) | st.binary(max_size=40))
def test_any_text_is_a_request_or_a_refusal_that_can_be_sent(text: str | bytes) -> None:
    refused = None
    try:
        parse_request(text)
    except BadRequest as bad:
        refused = bad
    if refused is not None:
        sent = loads(refusal(refused.ref, refused.reason))
        assert sent["ok"] is False
        assert sent["error"]["code"] == refused.reason.code


def test_a_reply_and_a_refusal_carry_the_ref() -> None:
    assert json.loads(reply("a", {"run_id": "r"})) == {"ref": "a", "ok": True, "data": {"run_id": "r"}}
    refused = json.loads(refusal(3, error("not_found")))
    assert (refused["ref"], refused["ok"], refused["error"]["code"]) == (3, False, "not_found")


def test_the_names_of_the_subprotocols_are_legal_http_tokens() -> None:
    for name in (frames.SUBPROTOCOL, frames.KEY_SUBPROTOCOL + "a-_0", frames.TICKET_SUBPROTOCOL + "t"):
        assert set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-_.ABCDEFGHIJKLMNOPQRSTUVWXYZ")
