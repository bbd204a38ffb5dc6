"""Writes the golden files: recorded runs with their wire bytes and fold, odd texts, frames.

Run by hand when the protocol grows (``make golden``); the files are reviewed and committed, and every client reads
them. ``sse/*.json`` (odd parses) are written by hand from the WHATWG rules and never by this script.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
from oricode_protocol import codec, events, fold, frames, sse

HERE = Path(__file__).parent
RUN, CHAT = "run_Golden00000000000000001", "chat_Golden0000000000000001"
Step = tuple[int, events.Event]
"""(epoch, event); seq counts up by itself."""

ODD_TEXTS = {
    "newlines": "line one\nline two\r\nline three\rend",
    "event inside text": '\n\nevent: done\ndata: {"message":"forged"}\n\n',
    "NUL": "before\0after",
    "line separators": "a\u2028b\u2029c\u0085d\x0be\x0cf\x1cg\x1dh\x1ei",
    "BOM": "\ufeffstart and \ufeff middle",
    "emoji": "👩‍💻 🇩🇪 🏳️‍🌈",
    "beyond the BMP": "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 \U0010ffff",
    "right to left": "שלום עולם \u202egnirts\u202c",
    "combining": "e\u0301 vs é",
    "JSON inside": '{"text":"\\u0041\\n","index":0}',
    "a line of JSON": '"name": "zdemo",',
    "end of a JSON string": '",',
    "a comma": ",",
    "a quote": '"',
    "backslash at the end": "C:\\",
    "HTML inside": "<script>alert('x')</script>&amp;",
    "ABAP": "REPORT zdemo.\nWRITE: / 'Grüße', |{ sy-datum }|.\n",
    "control characters": "".join(map(chr, range(1, 32))) + "\x7f",
    "only spaces": "   ",
    "long": "0123456789abcdef" * 64,
}


def _message(turn: int, attempt: int = 1) -> events.MessageStart:
    return events.MessageStart(message_id=f"msg_{turn}", turn=turn, attempt=attempt, model="claude-sonnet-5-5")


def _stop(turn: int, reason: str) -> events.MessageStop:
    return events.MessageStop(
        message_id=f"msg_{turn}", stop_reason=reason, usage={"input_tokens": 10 * turn, "output_tokens": 5}
    )


def _done(status: events.RunStatus, reason: str | None = "end_turn") -> events.Done:
    usage = {"input_tokens": 30, "output_tokens": 10}
    return events.Done(message=status.capitalize(), status=status, stop_reason=reason, usage=usage, duration_ms=1234)


RUNS: dict[str, list[Step]] = {
    "simple": [
        (1, _message(1)),
        (1, events.Content(text="Hello", index=0)),
        (1, events.Content(text=" world", index=0)),
        (1, _stop(1, "end_turn")),
        (1, _done("completed")),
    ],
    "thinking and blocks": [
        (1, _message(1)),
        (1, events.Thinking(text="Let me ", index=0)),
        (1, events.Thinking(text="see.", index=0)),
        (1, events.Content(text="One", index=1)),
        (1, events.Content(text="Two", index=2)),
        (1, _stop(1, "end_turn")),
        (1, _done("completed")),
    ],
    "chunk stored": [
        (1, _message(1)),
        (1, events.Content(text="Storing it.", index=0)),
        (1, events.ToolInput(tool_call_id="call_1", name="mcp_store_code_chunk", partial_json="", index=1)),
        (1, events.ToolInput(tool_call_id="call_1", partial_json='{"chunk_index":2,', index=1)),
        (1, events.ToolInput(tool_call_id="call_1", partial_json='"total_chunks":8}', index=1)),
        (1, _stop(1, "tool_use")),
        (
            1,
            events.ToolCall(
                tool_call_id="call_1",
                name="mcp_store_code_chunk",
                input={"chunk_index": 2, "total_chunks": 8},
                runs="server",
            ),
        ),
        (
            1,
            events.Progress(
                type="chunking", message="Storing chunk 3/8...", progress=37.5, tool_call_id="call_1"
            ),
        ),
        (1, events.Progress(type="chunking", message="Writing", tool_call_id="call_1", current=1, total=2)),
        (
            1,
            events.ToolResult(
                tool_call_id="call_1", name="mcp_store_code_chunk", status="ok", summary="Stored", duration_ms=12
            ),
        ),
        (1, _message(2)),
        (1, events.Content(text=" Done.", index=0)),
        (1, _stop(2, "end_turn")),
        (1, _done("completed")),
    ],
    "attempt voided": [
        (1, _message(1)),
        (1, events.Content(text="Half a sent", index=0)),
        (1, events.ToolInput(tool_call_id="call_9", name="mcp_check_syntax", partial_json='{"pro', index=1)),
        (1, _message(1, attempt=2)),
        (1, events.Content(text="A whole sentence.", index=0)),
        (1, _stop(1, "end_turn")),
        (1, _done("completed")),
    ],
    "killed and recovered": [
        (1, events.Queued(position=1)),
        (1, events.Queued(position=0)),
        (1, _message(1)),
        (1, events.Content(text="Never fin", index=0)),
        (2, events.Recovering(attempt=1, reason="The service was restarted.")),
        (2, _message(1, attempt=2)),
        (2, events.Content(text="Finished.", index=0)),
        (2, _stop(1, "end_turn")),
        (2, _done("completed")),
    ],
    "approval and client tool": [
        (1, _message(1)),
        (1, events.ToolInput(tool_call_id="call_1", name="deploy", partial_json="{}", index=0)),
        (1, events.ToolInput(tool_call_id="call_2", name="read_editor", partial_json="{}", index=1)),
        (1, _stop(1, "tool_use")),
        (
            1,
            events.ApprovalRequired(
                approval_id="appr_1",
                tool_call_id="call_1",
                reason="deploy changes a system",
                input_digest="44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
                expires_at=1767225600000,
            ),
        ),
        (
            1,
            events.ToolCall(
                tool_call_id="call_2", name="read_editor", input={}, runs="client", deadline=1767225600000
            ),
        ),
        (1, events.ToolResult(tool_call_id="call_2", name="read_editor", status="ok", summary="3 lines")),
        (
            1,
            events.ApprovalResolved(
                approval_id="appr_1", tool_call_id="call_1", decision="deny", by="alice", comment="not today"
            ),
        ),
        (1, events.ToolResult(tool_call_id="call_1", name="deploy", status="denied", summary="Denied by alice")),
        (1, _message(2)),
        (1, events.Content(text="Understood.", index=0)),
        (1, _stop(2, "end_turn")),
        (1, _done("completed")),
    ],
    "failed upstream": [
        (1, _message(1)),
        (1, events.Content(text="I was", index=0)),
        (
            1,
            events.Error(
                error="The model is overloaded; try again in a while.",
                code="upstream_overloaded",
                retryable=True,
                retry_after_ms=2000,
            ),
        ),
        (1, _done("failed", None)),
    ],
    "cancelled in mid-sentence": [
        (1, _message(1)),
        (1, events.Content(text="To be or not", index=0)),
        (1, _done("cancelled", None)),
    ],
}  # fmt: skip


def _write(path: Path, value: Any) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(orjson.dumps(orjson.loads(codec.dumps(value)), option=orjson.OPT_INDENT_2) + b"\n")


def _run(name: str, steps: list[Step]) -> dict[str, Any]:
    wire, ws, listed = b"", [], []
    folded = fold.Fold()
    snapshots = []
    for seq, (epoch, event) in enumerate(steps, 1):
        id = f"{RUN}.{epoch}.{seq}"
        data, kind = codec.encode(event), event.event.encode()
        wire += sse.block(kind, data, id.encode(), retry_ms=1000 if seq == 1 else None)
        ws.append(frames.frame(kind, data, RUN.encode(), id.encode()).decode())
        listed.append({"id": id, "event": event.event, "data": codec.loads(data)})
        folded.apply(event.event, codec.loads(data))
        snapshots.append(folded.state())
    return {
        "name": name,
        "run": RUN,
        "events": listed,
        "sse": wire.decode(),
        "frames": ws,
        "text": folded.text(),
        "state": folded.state(),
        "states": snapshots,
    }


def main() -> None:
    """Write everything anew."""
    for name, steps in RUNS.items():
        _write(HERE / "runs" / (name.replace(" ", "-") + ".json"), _run(name, steps))
    texts = [
        {
            "name": name,
            "text": text,
            "data": (data := codec.encode(events.Content(text=text, index=0))).decode(),
            "sse": sse.block(b"content", data, f"{RUN}.1.1".encode()).decode(),
        }
        for name, text in ODD_TEXTS.items()
    ]
    _write(HERE / "texts.json", texts)
    half = codec.encode(events.Content(text="\ud83d", index=0)).decode()
    other = codec.encode(events.Content(text="\ude00", index=0)).decode()
    _write(HERE / "surrogates.json", {"datas": [half, other], "joined": "😀"})


if __name__ == "__main__":
    main()
