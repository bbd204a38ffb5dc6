"""What the load generator counts, and what it takes for the text of an answer."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable

import pytest
from oricode_protocol import codec
from oricode_protocol.events import Content
from websockets.frames import Frame, Opcode

from bench.load.content import text_of
from bench.load.stream import Stream, http_request
from bench.load.websocket import WebSocketStream, frames, text_frame
from bench.measures.verified import is_whole
from bench.upstreams import recording

MARK = re.compile(rb"@(\d+)@")
TEXT = "".join(f"@{number}@ some words" for number in range(30))


class Wire(asyncio.Transport):
    """Takes what is written."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.closed = False

    def write(self, data: bytes) -> None:  # type: ignore[override]
        self.written.append(data)

    def close(self) -> None:
        self.closed = True


def sse(deltas: int) -> bytes:
    blocks = [
        b"event: content\ndata: %b\n\n" % codec.encode(Content(text=f"@{number}@ some words", index=0))
        for number in range(deltas)
    ]
    return b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n" + b"".join(blocks)


def server_frame(event: str, data: object) -> bytes:
    """As the websockets library writes it."""
    text = json.dumps({"event": event, "data": data}, separators=(",", ":")).encode()
    return Frame(Opcode.TEXT, text).serialize(mask=False)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 50, 10_000])
async def test_every_mark_is_counted_once_however_the_bytes_are_cut(size: int):
    stream = Stream(b"", MARK)
    data = sse(30)
    for at in range(0, len(data), size):
        stream.data_received(data[at : at + size])
    assert (stream.events, stream.ordered) == (30, True)


@pytest.mark.parametrize("marks", [[0, 1, 1], [0, 2], [1, 0], [1], [10**18, 10**18]])
async def test_an_event_that_is_missing_twice_or_late_is_noticed(marks: list[int]):
    stream = Stream(b"", MARK)
    stream.data_received(b"HTTP/1.1 200 OK\r\n\r\n" + b" ".join(b"@%d@" % mark for mark in marks))
    assert not stream.ordered


async def test_a_websocket_sends_its_command_once_answers_pings_and_leaves_after_done():
    wire = Wire()
    stream = WebSocketStream(b"GET", MARK, command={"command": "chat"})
    stream.connection_made(wire)
    stream.data_received(b"HTTP/1.1 101 Switching Protocols\r\n\r\n" + server_frame("content", {"text": "@0@"}))
    stream.data_received(Frame(Opcode.PING, b"abcd").serialize(mask=False))
    assert wire.written == [b"GET", text_frame(b'{"command": "chat"}'), b"\x8a\x84\0\0\0\0abcd"]
    assert not wire.closed
    done = server_frame("done", {})
    stream.data_received(done[:12])
    stream.data_received(done[12:])
    assert (wire.closed, stream.events, len(wire.written)) == (True, 1, 3)


@pytest.mark.parametrize("size", [5, 125, 126, 40_000])
def test_frames_are_found_behind_each_other(size: int):
    frame = Frame(Opcode.TEXT, b"x" * size).serialize(mask=False)
    ping = Frame(Opcode.PING, b"abcd").serialize(mask=False)
    assert frames(frame + ping + frame) == [b"x" * size] * 2


def chunked(data: bytes, size: int) -> bytes:
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    body = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body + b"0\r\n\r\n"


ANSWERS: dict[str, Callable[[], bytes]] = {
    "our events": lambda: sse(30),
    "in chunks": lambda: chunked(sse(30).partition(b"\r\n\r\n")[2], 33),
    "with CRLF": lambda: sse(30).replace(b"\n\n", b"\r\n\r\n").replace(b"content\ndata", b"content\r\ndata"),
    "Anthropic's": lambda: chunked(recording.recorded(30), 50),
    "frames": lambda: (
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n"
        + b"".join(server_frame("content", {"text": f"@{number}@ some words", "index": 0}) for number in range(30))
    ),
}


@pytest.mark.parametrize("answer", ANSWERS)
def test_the_text_of_an_answer_is_found_in_every_shape_peers_have(answer: str):
    assert text_of(ANSWERS[answer]()) == TEXT


def test_only_the_whole_text_is_whole():
    assert is_whole(TEXT, 30, numbered=True)
    assert not is_whole(TEXT, 31, numbered=True)
    assert not is_whole(TEXT.replace("@7@ some words", ""), 29, numbered=True)
    timed = "@1000000001@ some words@1000000002@ some words"
    assert is_whole(timed, 2, numbered=False)
    assert not is_whole(timed.replace("02@", "01@"), 2, numbered=False)
    assert not is_whole(timed + "!", 2, numbered=False)


def test_a_request_without_a_body_is_a_get():
    assert http_request("h", "/p", {"a": "b"}, None).startswith(b"GET /p HTTP/1.1\r\n")
    assert http_request("h", "/p", {}, b"{}").endswith(b"content-length: 2\r\n\r\n{}")
