"""Any text a model can produce passes through, byte-exact."""

from __future__ import annotations

import json
from typing import Any

import pytest
from oricode_protocol import codec, frames, sse
from oricode_protocol.events import Content
from protocol.recorded import read

TEXTS = read("texts.json")
SURROGATES = read("surrogates.json")


@pytest.mark.parametrize("golden", TEXTS, ids=[golden["name"] for golden in TEXTS])
def test_odd_text_is_written_as_recorded_and_read_back(golden: dict[str, Any]) -> None:
    text = golden["text"]
    data = codec.encode(Content(text=text, index=0))
    assert data.decode() == golden["data"]
    assert codec.encode_texts([text], 0) == data
    assert sse.block(b"content", data, b"run_Golden00000000000000001.1.1").decode() == golden["sse"]
    assert json.loads(data) == {"text": text, "index": 0}, "the standard library reads what we wrote"
    assert codec.loads(data) == {"text": text, "index": 0}


@pytest.mark.parametrize("golden", TEXTS, ids=[golden["name"] for golden in TEXTS])
def test_odd_text_reaches_a_client_over_sse_and_websocket_alike(golden: dict[str, Any]) -> None:
    data = codec.encode_texts([golden["text"]], 0)
    (event,) = sse.Decoder().feed(sse.block(b"content", data, b"r.1.1"))
    frame = json.loads(frames.frame(b"content", data, b"r", b"r.1.1"))
    assert json.loads(event.data) == frame["data"] == {"text": golden["text"], "index": 0}
    assert (event.id, event.event) == (frame["id"], frame["event"]) == ("r.1.1", "content")


def test_an_emoji_cut_in_two_arrives_whole() -> None:
    """A provider may cut a surrogate pair over two deltas; each half is an escape, and joining them mends it."""
    datas = [codec.encode(Content(text=half, index=0)).decode() for half in ("\ud83d", "\ude00")]
    assert datas == SURROGATES["datas"]
    joined = "".join(codec.loads(data)["text"] for data in datas)
    assert codec.mend(joined) == SURROGATES["joined"]


def test_a_lone_surrogate_becomes_a_replacement_character_when_mended() -> None:
    assert codec.mend("a\ud83db") == "a\ufffdb"
    assert codec.mend("whole 😀") == "whole 😀"


@pytest.mark.parametrize("separator", ["\u2028", "\u2029", "\u0085"])
def test_separators_that_some_line_readers_split_at_are_escaped(separator: str) -> None:
    assert separator.encode() not in codec.dumps({"text": f"a{separator}b"})
    assert codec.loads(codec.dumps({"text": f"a{separator}b"})) == {"text": f"a{separator}b"}
