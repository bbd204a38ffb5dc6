"""WebSocket frames: the same triple as SSE, and commands with their replies.

Server frames are ``{"id"?, "run"?, "event", "data"}``; replies ``{"ref", "ok", "data" | "error"}``; client frames
``{"command", "ref", "data"}``. Every frame is one text message.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .codec import MalformedJson, dumps, loads
from .commands import COMMANDS, Command, parse
from .errors import OricodeError, error

SUBPROTOCOL = "oricode.v1"
KEY_SUBPROTOCOL = "oricode.key."
"""Followed by the key in base64url without padding."""
TICKET_SUBPROTOCOL = "oricode.ticket."


def frame(event: bytes, data: bytes, run: bytes = b"", id: bytes = b"") -> bytes:
    """An event as a frame; ``run`` and ``id`` empty = absent. Arguments as for :func:`sse.block`."""
    head = b'{"id":"' + id + b'",' if id else b"{"
    if run:
        head += b'"run":"' + run + b'",'
    return head + b'"event":"' + event + b'","data":' + data + b"}"


def frames(event: bytes, data: bytes, run: bytes, epoch: int, first: int) -> list[bytes]:
    """Events of one name as :func:`frame` writes them, all at once. Arguments as for :func:`sse.blocks`."""
    form = b'{"id":"%b.%d.' % (run, epoch) + b'%d","run":"' + run + b'","event":"' + event + b'","data":%b}'
    return [form % numbered for numbered in enumerate(data.split(b"\n"), first)]


@dataclass(frozen=True, slots=True)
class Request:
    """A client frame: a command and the reference its reply must carry."""

    ref: str | int | None
    command: Command


class BadRequest(Exception):
    """A frame that cannot be run, with the reference to answer to (None when it had none)."""

    def __init__(self, ref: str | int | None, reason: OricodeError) -> None:
        super().__init__(reason.sentence)
        self.ref = ref
        self.reason = reason


def parse_request(text: str | bytes) -> Request:
    """Read a client frame; raises :class:`BadRequest`."""
    try:
        value = loads(text)
    except MalformedJson:
        raise BadRequest(None, error("malformed_json", "The frame is not valid JSON.")) from None
    if not isinstance(value, dict):
        raise BadRequest(None, error("invalid_request", "The frame must hold a JSON object."))
    ref = value.get("ref")
    if not isinstance(ref, (str, int, type(None))) or isinstance(ref, bool):
        raise BadRequest(None, error("invalid_request", "`ref` must be a string or an integer."))
    name = value.get("command")
    if not isinstance(name, str) or name not in COMMANDS:
        known = ", ".join(COMMANDS)
        raise BadRequest(ref, error("unknown_command", f"`command` must be one of {known}."))
    data = value.get("data")
    try:
        return Request(ref, parse(COMMANDS[name], {} if data is None else data))
    except OricodeError as reason:
        raise BadRequest(ref, reason) from None


def request(command: str, data: dict[str, Any], ref: str | int) -> bytes:
    """A client frame."""
    return dumps({"command": command, "ref": ref, "data": data})


def reply(ref: str | int | None, data: dict[str, Any]) -> bytes:
    """The answer to a command that was accepted."""
    return dumps({"ref": ref, "ok": True, "data": data})


def refusal(ref: str | int | None, reason: OricodeError) -> bytes:
    """The answer to a command that was refused."""
    return dumps({"ref": ref, "ok": False, "error": reason.problem()})
