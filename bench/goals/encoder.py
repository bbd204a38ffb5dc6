"""Random texts through the service's encoder and four parsers: does each come out as it went in, and nothing beside it?

``python -m bench.goals.encoder [--count 100000] [--seed 1]``. The parsers are two of ours (Python, TypeScript) and two
of others (httpx-sse, npm's eventsource-parser); the streams are cut at random places. Exit code 1 when one found
another text, id, name or number of events, or when the control passed: an encoder that escapes nothing.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import httpx
from httpx_sse import EventSource
from oricode_protocol import codec, sse

from .typescript import TYPESCRIPT, bundled

AT_ONCE = 500
"""Texts of one stream."""
RUN = b"run_Encoder"
Found = tuple[list[tuple[str, str, str]], bool]
"""Events as (name, data, id), and whether a reconnection time was among them."""
Encoder = Callable[[list[str], int], bytes]
_PIECES = [
    *"\n\r\0\t\v\f\x1c\x1d\x1e\x1f\x7f\x85\u2028\u2029\ufeff\u00a0 :\"\\/{},[]",
    *("\r\n", "\n\n", "\r\r", '","', '":"', '\\n', "\\u000a", "\\\\", "data: x", "\ndata: x", "\nid: 9", "\n: y"),
    "\nid:",
    *("\nevent: done", "\n\nevent: done\ndata: {}\n\n", "\nretry: 1", "\r\rretry: 1\r\r", '","index":0}\n{"text":"'),
    *("\ud83d", "\ude00", "😀", "👩‍💻", "é", "e\u0301", "\U0010ffff", "\uffff", "\u202e"),
]  # fmt: skip


def texts(draw: random.Random, count: int) -> list[str]:
    """Half of what breaks parsers, half of any character there is."""

    def piece() -> str:
        return draw.choice(_PIECES) if draw.random() < 0.5 else chr(draw.randrange(0x110000))

    return ["".join(piece() for _ in range(draw.randrange(12))) for _ in range(count)]


def service(said: list[str], first: int) -> bytes:
    """As the service's SSE transport writes deltas."""
    return sse.blocks(b"content", codec.encode_texts(said, 0), RUN, 1, first)


def careless(said: list[str], first: int) -> bytes:
    """The control."""
    datas = [b'{"text":"%b","index":0}' % text.encode("utf-8", "replace") for text in said]
    return b"".join(sse.block(b"content", data, b"%b.1.%d" % (RUN, n)) for n, data in enumerate(datas, first))


def _cut(draw: random.Random, stream: bytes) -> list[bytes]:
    edges = [0, *sorted(draw.randrange(len(stream)) for _ in range(draw.randrange(50))), len(stream)]
    return [stream[a:b] for a, b in pairwise(edges)]


def _python(chunks: list[bytes]) -> Found:
    decoder = sse.Decoder()
    found = [event for chunk in chunks for event in decoder.feed(chunk)]
    return [(event.event, event.data, event.id) for event in found], decoder.retry_ms is not None


def _httpx_sse(chunks: list[bytes]) -> Found:
    response = httpx.Response(200, headers={"content-type": "text/event-stream"}, content=iter(chunks))
    found = list(EventSource(response).iter_sse())
    return [(event.event, event.data, event.id) for event in found], any(event.retry is not None for event in found)


@contextmanager
def _node() -> Iterator[Callable[[list[bytes]], dict[str, Found]]]:
    """Both parsers of Node.js, by name."""
    module = bundled("encoder_readers.ts", "--platform=node", "--packages=external")
    command = ["node", "--input-type=module", "--eval", module]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=TYPESCRIPT) as process:
        assert process.stdin is not None
        assert process.stdout is not None

        def ask(chunks: list[bytes]) -> dict[str, Found]:
            said: dict[str, Any] = {"chunks": [b64encode(chunk).decode() for chunk in chunks]}
            process.stdin.write(json.dumps(said).encode() + b"\n")  # type: ignore[union-attr]
            process.stdin.flush()  # type: ignore[union-attr]
            answer = json.loads(process.stdout.readline())  # type: ignore[union-attr]
            return {name: ([tuple(event) for event in a["events"]], a["retried"]) for name, a in answer.items()}

        yield ask
        process.stdin.close()


def wrong(encode: Encoder, count: int, seed: int) -> Counter[str]:
    """By parser: in how many streams it found anything but what went in."""
    draw, bad = (
        random.Random(seed),
        Counter(dict.fromkeys(("python", "httpx-sse", "typescript", "eventsource-parser"), 0)),
    )
    with _node() as node:
        for first in range(1, count + 1, AT_ONCE):
            said = texts(draw, min(AT_ONCE, count + 1 - first))
            stream = encode(said, first)
            all_found = {"python": _python(_cut(draw, stream)), "httpx-sse": _httpx_sse(_cut(draw, stream))}
            for name, found in (all_found | node(_cut(draw, stream))).items():
                bad[name] += not _as_said(found, said, first)
    return bad


def _as_said(found: Found, said: list[str], first: int) -> bool:
    events, retried = found
    heads = [(name, id) for name, _, id in events]
    if retried or heads != [("content", f"{RUN.decode()}.1.{n}") for n in range(first, first + len(said))]:
        return False
    try:
        datas = [codec.loads(data) for _, data, _ in events]
    except codec.MalformedJson:
        return False
    if any(set(data) != {"text", "index"} or data["index"] != 0 for data in datas):
        return False
    return [_utf16(data["text"]) for data in datas] == [_utf16(text) for text in said]


def _utf16(text: str) -> bytes:
    """Two halves of a pair side by side are the pair: JSON knows no difference."""
    return text.encode("utf-16", "surrogatepass")


def main() -> int:
    asked = argparse.ArgumentParser(prog="python -m bench.goals.encoder")
    asked.add_argument("--count", type=int, default=100_000)
    asked.add_argument("--seed", type=int, default=1)
    options = asked.parse_args()
    bad = wrong(service, options.count, options.seed)
    streams = -(-options.count // AT_ONCE)
    print(f"{options.count} random texts in {streams} streams, seed {options.seed}; not as they went in, by parser:")
    print("  " + ", ".join(f"{name} {number}" for name, number in bad.items()))
    control = wrong(careless, 5 * AT_ONCE, options.seed)
    print(
        "control, nothing escaped, of 5 streams: " + ", ".join(f"{name} {number}" for name, number in control.items())
    )
    return 1 if bad.total() or not all(control.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
