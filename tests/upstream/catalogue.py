"""Scripts by model name, for the stand-in as a process of its own, where nobody can queue steps.

A leading ``claude-`` is dropped, so that services that route by name let it through. ``N`` are numbers:

    text-N            N deltas in one burst
    paced-N-MS        N deltas, one every MS milliseconds, each with its send time (Unix ms) in the text
    drop-N  rst-N  eof-N  stall-N  error-N     break after N deltas: FIN, RST, quiet end, silence, overloaded event
    status-CODE       refuse with this HTTP status (429, 503 and 529 with retry-after: 1)
    once-SCENARIO     SCENARIO for the first request with this body, a greeting when it is sent again
    deploy-N          N chunks of a program stored one per turn, checked, deployed, reported
    think             reasoning with a signature, then text
    odd               text of every odd character

Anything else is greeted.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator

from .server import Request, Script
from .steps import (
    Drop,
    Eof,
    Event,
    Pause,
    Rst,
    Status,
    Step,
    WaitFor,
    error_body,
    error_event,
    message,
    text,
    thinking,
    tool_use,
)

ODD = 'line\nbreak\r\nevent: done\ndata: {}\n\n\0 tab\t \u2028 \u2029 \x85 \ufeff \U0001f600 é \\ud83d " </script>'
"""Text that breaks careless framing."""
_BREAKS: dict[str, Step] = {
    "drop": Drop(),
    "rst": Rst(),
    "eof": Eof(),
    "stall": WaitFor("never"),
    "error": error_event("overloaded_error", "Overloaded"),
}
_ERRORS = {400: "invalid_request_error", 401: "authentication_error", 404: "not_found_error",
           413: "request_too_large", 429: "rate_limit_error", 529: "overloaded_error"}  # fmt: skip


class Catalogue:
    """Maps requests to scripts; remembers bodies for ``once-``."""

    def __init__(self) -> None:
        self._seen: set[bytes] = set()

    def __call__(self, request: Request) -> Script:
        name = str(request.body.get("model", "")).removeprefix("claude-")
        if name.startswith("once-"):
            if request.raw in self._seen:
                return message(text("Hello again.", pieces=3))
            self._seen.add(request.raw)
            name = name.removeprefix("once-")
        scenario, *numbers = name.split("-")
        if not all(number.isdigit() for number in numbers):
            return message(text("Hello from upstream.", pieces=4))
        return _script(scenario, [int(number) for number in numbers], request)


def _script(scenario: str, numbers: list[int], request: Request) -> Script:
    match scenario, numbers:
        case "text", [count]:
            return message(text([f"delta {i:05d}" for i in range(count)]))
        case "paced", [count, milliseconds]:
            return _paced(count, milliseconds / 1000)  # lazily: each delta holds the time when it is sent
        case _, [count] if scenario in _BREAKS:
            opening = message(text([f"delta {i:05d} " for i in range(count)]))
            return [*opening[: 3 + count], _BREAKS[scenario]]
        case "status", [code]:
            headers = {"retry-after": "1"} if code in (429, 503, 529) else {}
            return [Status(code, error_body(_ERRORS.get(code, "api_error")), headers)]
        case "deploy", [chunks]:
            return _deploy(chunks, request)
        case "think", []:
            return message(thinking("Let me think about that.", "c2lnbmF0dXJl", pieces=6), text("Done.", pieces=2))
        case "odd", []:
            return message(text(list(ODD)))
    return message(text("Hello from upstream.", pieces=4))


def _paced(count: int, gap: float) -> Iterator[Step]:
    opening, closing = message(text(["x"])), ("content_block_stop", "message_delta", "message_stop")
    yield from opening[:3]
    for _ in range(count):
        yield Pause(gap)
        delta = {"type": "text_delta", "text": f"{time.time() * 1000:.3f} "}
        yield Event("content_block_delta", {"type": "content_block_delta", "index": 0, "delta": delta})
    yield from (step for step in opening if isinstance(step, Event) and step.name in closing)


def _deploy(chunks: int, request: Request) -> Script:
    """The next step of a chunked deployment, by the number of tool results since the last prompt."""
    done = 0
    for turn in reversed(request.body["messages"]):
        results = [b for b in turn["content"] if isinstance(b, dict) and b.get("type") == "tool_result"]
        if turn["role"] == "user" and not results:
            break
        done += len(results)
    program = {"program": "ZSCRIPTED"}
    if done < chunks:
        code = "REPORT zscripted.\n" if done == 0 else f"WRITE / '{done}'.\n"
        part = {**program, "chunk_index": done, "total_chunks": chunks, "code": code}
        return message(text(f"Storing part {done + 1}."), tool_use(_new_id(), "mcp_store_code_chunk", part, pieces=8))
    if done == chunks:
        return message(tool_use(_new_id(), "mcp_check_syntax", program))
    if done == chunks + 1:
        return message(tool_use(_new_id(), "mcp_deploy_stored_code", program))
    return message(text("Deployed.", pieces=3))


def _new_id() -> str:
    return f"toolu_{secrets.token_hex(12)}"
