"""Coverage-guided fuzzing of what reads bytes of strangers: commands, WebSocket frames, server-sent events.

``.venv/goals/bin/python -m bench.goals.fuzz TARGET [-max_total_time=60 -seed=1 …]``; the flags are libFuzzer's. A
crash, a wrong answer of the oracle, or an exception that is not the documented one ends it with another code than 0.
"""

from __future__ import annotations

import re
import sys
from dataclasses import fields

import atheris

with atheris.instrument_imports(include=["oricode_protocol", "oricode_service.transports.server", "websockets"]):
    from oricode_protocol import sse
    from oricode_protocol.commands import COMMANDS
    from oricode_protocol.errors import TABLE
    from oricode_protocol.frames import BadRequest, parse_request
    from oricode_service.transports.server.frames import FrameParser
    from oricode_service.transports.server.limits import Limits
    from websockets.protocol import OPEN


_NAMES = list(COMMANDS)
_FIELDS = sorted({field.name for command in COMMANDS.values() for field in fields(command)})
_VALUES = [
    "null",
    "true",
    "-1",
    "1e999",
    "18446744073709551616",
    '"\\ud800"',
    '"\\u0000"',
    '"x"',
    '""',
    "[]",
    "{}",
    "[{}]",
]


def commands(data: bytes) -> None:
    """A frame of a client is a command or a refusal with a code of the table.

    The first byte says whether the rest is the text itself, or names a command and then its fields and values: the JSON
    parser is C, and gives no coverage to find the way through it by.
    """
    text = data[1:].decode("utf-8", "replace")
    if len(data) > 1 and data[0] < 192:
        name = _NAMES[data[1] % len(_NAMES)]
        pairs = zip(data[2::2], data[3::2], strict=False)
        said = [f'"{_FIELDS[a % len(_FIELDS)]}":{_VALUES[b % len(_VALUES)]}' for a, b in pairs]
        text = f'{{"command":"{name}","ref":{data[0]},"data":{{{",".join(said)}}}}}'
    try:
        parsed = parse_request(text)
    except BadRequest as bad:
        code = bad.reason.code
        if code not in TABLE:
            raise AssertionError(code) from bad
    else:
        assert parsed.command is not None


def frames(data: bytes) -> None:
    """Bytes on an open WebSocket, in pieces, end in messages or in a close frame of ours, never in an exception."""
    parser = FrameParser(Limits(message_bytes=4096, message_fragments=8), lambda: 0.0)
    parser.state = OPEN
    step = 1 + (data[0] if data else 0) % 7
    for at in range(0, len(data), step):
        parser.receive_data(data[at : at + step])
        parser.data_to_send()
        if parser.parser_exc is not None:
            assert parser.close_sent is not None
            return
        assert parser.current_size is None or parser.current_size <= 4096


def events(data: bytes) -> None:
    """A stream means the same however it is cut, and the same to a second reading of the standard."""
    whole = sse.Decoder()
    at_once = whole.feed(data)
    cut = data[0] % (len(data) + 1) if data else 0
    pieces = sse.Decoder()
    assert pieces.feed(data[:cut]) + pieces.feed(data[cut:]) == at_once
    singly = sse.Decoder()
    assert [event for at in range(len(data)) for event in singly.feed(data[at : at + 1])] == at_once
    assert [(event.event, event.data, event.id) for event in at_once] == _by_the_standard(data)


def _by_the_standard(data: bytes) -> list[tuple[str, str, str]]:
    """WHATWG HTML 9.2.6, all at once and in no hurry."""
    text = data.decode("utf-8", "replace").removeprefix("\ufeff")
    found, last, name, said = [], "", "", []
    for line in re.split(r"\r\n|\n|\r", text)[:-1]:  # an unfinished line does not count
        if not line:
            if said:
                found.append((name or "message", "\n".join(said), last))
            name, said = "", []
            continue
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            name = value
        elif field == "data":
            said.append(value)
        elif field == "id" and "\0" not in value:
            last = value
    return found


def main() -> None:
    target = {"commands": commands, "frames": frames, "events": events}[sys.argv.pop(1)]
    atheris.Setup(sys.argv, target)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
