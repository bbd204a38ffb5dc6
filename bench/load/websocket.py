"""A WebSocket stream: handshake, one command, then frames whose marks are counted; pings are answered.

Frames are not parsed: a frame is one event and a mark never reaches over two, so counting needs no borders. That also
keeps the generator as cheap as over SSE. It works because the texts of the benchmark are ASCII.
"""

from __future__ import annotations

import json
import re
from typing import Any

from .stream import Stream

_KEY = "b3JpY29kZSBiZW5jaCAxMQ=="
_PING = re.compile(rb"\x89\x04(.{4})", re.DOTALL)
_DONE = b'"event":"done"'


class WebSocketStream(Stream):
    """One connection, one run."""

    def __init__(self, request: bytes, mark: re.Pattern[bytes], keep: bool = False, *, command: dict[str, Any]) -> None:
        super().__init__(request, mark, keep)
        self._command = text_frame(json.dumps(command).encode())
        self._open = False

    def data_received(self, data: bytes) -> None:
        if not self._open:
            self._open = True
            self.transport.write(self._command)
        for ping in _PING.finditer(data):
            self.transport.write(b"\x8a\x84\0\0\0\0" + ping[1])
        ended = _DONE in self._rest + data
        super().data_received(data)
        if ended:
            self.transport.close()


def handshake(host: str, path: str, headers: dict[str, str]) -> bytes:
    """The opening request."""
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return (
        f"GET {path} HTTP/1.1\r\nhost: {host}\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
        f"sec-websocket-version: 13\r\nsec-websocket-key: {_KEY}\r\nsec-websocket-protocol: oricode.v1\r\n{head}\r\n"
    ).encode()


def text_frame(data: bytes) -> bytes:
    """A client's text frame; masked with zeros, which the standard allows and a benchmark may."""
    size = len(data)
    if size < 126:
        return bytes((0x81, 0x80 | size)) + b"\0\0\0\0" + data
    return bytes((0x81, 0xFE)) + size.to_bytes(2) + b"\0\0\0\0" + data


def frames(raw: bytes) -> list[bytes]:
    """The text frames of a server's bytes behind the handshake, in order; others are left out."""
    found, at = [], 0
    while at + 2 <= len(raw):
        kind, size = raw[at] & 15, raw[at + 1]
        at += 2
        if size >= 126:
            width = 2 if size == 126 else 8
            size = int.from_bytes(raw[at : at + width])
            at += width
        if kind == 1:
            found.append(raw[at : at + size])
        at += size
    return found
