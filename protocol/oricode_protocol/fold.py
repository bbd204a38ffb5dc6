"""The fold: events in, the state a viewer is left with out. Pure and incremental.

``fold(prefix)`` then the rest gives the same state as the whole; a ``snapshot`` event holds a state and replaces what
was folded before. This is what JSON answers, snapshots, retention and every client's view are made of. Events it does
not know are ignored. The TypeScript and Java clients implement the same fold against the same golden files.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

JsonObject = dict[str, Any]
_BLOCK_TYPES = {"content": "text", "thinking": "thinking"}


class Fold:
    """An incremental fold of one run's events. ``state()`` may be asked at any time."""

    def __init__(self) -> None:
        self._scalars: JsonObject = {"status": "new"}
        self._messages: dict[str, JsonObject] = {}
        self._texts: dict[tuple[str, int], list[str]] = {}
        self._calls: dict[str, JsonObject] = {}
        self._approvals: dict[str, JsonObject] = {}
        self._open: JsonObject | None = None

    @property
    def status(self) -> str:
        """``new``, ``queued``, ``running``, ``completed``, ``failed`` or ``cancelled``."""
        return str(self._scalars["status"])

    def apply(self, event: str, data: JsonObject) -> None:
        """Take the next event in."""
        if (apply := getattr(self, f"_on_{event}", None)) is not None:
            apply(data)

    def text(self) -> str:
        """The answer's text: the text blocks of all messages, in order."""
        return "".join(
            "".join(self._texts[message_id, block["index"]])
            for message_id, message in self._messages.items()
            for block in message["blocks"]
            if block["type"] == "text"
        )

    def state(self) -> JsonObject:
        """The state as a ``snapshot`` event's data; a copy that later events do not change."""
        messages = []
        for message_id, message in self._messages.items():
            blocks = []
            for block in message["blocks"]:
                copy = dict(block)
                if (parts := self._texts.get((message_id, block["index"]))) is not None:
                    copy["text"] = "".join(parts)
                blocks.append(copy)
            messages.append({**message, "blocks": blocks})
        return {
            **self._scalars,
            "text": self.text(),
            "messages": messages,
            "tool_calls": [dict(call) for call in self._calls.values()],
            "approvals": [dict(approval) for approval in self._approvals.values()],
        }

    # One method an event, named after it.

    def _on_connected(self, data: JsonObject) -> None:
        for key in ("run_id", "chat_id"):
            if data.get(key) is not None:
                self._scalars[key] = data[key]

    def _on_queued(self, data: JsonObject) -> None:
        self._scalars["status"] = "queued"
        self._scalars["queued"] = data["position"]

    def _on_message_start(self, data: JsonObject) -> None:
        self._running()
        message_id = data["message_id"]
        if message_id in self._messages:  # a later attempt voids what the earlier one showed
            for key in [key for key in self._texts if key[0] == message_id]:
                del self._texts[key]
            for call_id in [i for i, c in self._calls.items() if c["message_id"] == message_id]:
                del self._calls[call_id]
        self._open = {key: data[key] for key in ("message_id", "turn", "attempt", "model")}
        self._open |= {"complete": False, "blocks": []}
        self._messages[message_id] = self._open

    def _on_content(self, data: JsonObject) -> None:
        self._piece("text", data)

    def _on_thinking(self, data: JsonObject) -> None:
        self._piece("thinking", data)

    def _piece(self, kind: str, data: JsonObject) -> None:
        if self._open is None:
            return
        key = (self._open["message_id"], data["index"])
        parts = self._texts.get(key)
        if parts is None:
            parts = self._texts[key] = []
            self._open["blocks"].append({"index": data["index"], "type": kind})
            self._open["blocks"].sort(key=lambda block: block["index"])
        parts.append(data["text"])

    def _on_tool_input(self, data: JsonObject) -> None:
        if self._open is None:
            return
        call = self._calls.get(data["tool_call_id"])
        if call is None:
            message_id = self._open["message_id"]
            self._open["blocks"].append(
                {"index": data["index"], "type": "tool_use", "tool_call_id": data["tool_call_id"]}
            )
            self._open["blocks"].sort(key=lambda block: block["index"])
            call = {
                "tool_call_id": data["tool_call_id"],
                "message_id": message_id,
                "state": "writing",
                "partial_json": "",
            }
            self._calls[data["tool_call_id"]] = call
        if data.get("name") is not None:
            call["name"] = data["name"]
        call["partial_json"] = call.get("partial_json", "") + data["partial_json"]

    def _on_message_stop(self, data: JsonObject) -> None:
        if self._open is None:
            return
        self._open["complete"] = True
        for key in ("stop_reason", "usage"):
            if data.get(key) is not None:
                self._open[key] = data[key]
        self._open = None

    def _on_tool_call(self, data: JsonObject) -> None:
        self._running()
        call = self._calls.setdefault(data["tool_call_id"], {"tool_call_id": data["tool_call_id"]})
        call.pop("partial_json", None)
        call.update({key: data[key] for key in ("name", "input", "runs", "deadline") if data.get(key) is not None})
        call.setdefault("message_id", next(reversed(self._messages), ""))
        call["state"] = "running"

    def _on_progress(self, data: JsonObject) -> None:
        self._scalars["progress"] = dict(data)
        if (call := self._calls.get(data.get("tool_call_id", ""))) is not None:
            call["progress"] = dict(data)

    def _on_tool_result(self, data: JsonObject) -> None:
        call = self._calls.get(data["tool_call_id"])
        if call is not None:
            call["state"] = "ended"
            call.update({key: data[key] for key in ("status", "summary", "duration_ms") if data.get(key) is not None})

    def _on_approval_required(self, data: JsonObject) -> None:
        self._approvals[data["approval_id"]] = dict(data)

    def _on_approval_resolved(self, data: JsonObject) -> None:
        self._approvals.pop(data["approval_id"], None)

    def _on_recovering(self, data: JsonObject) -> None:
        self._running()
        self._scalars["recovering"] = data["attempt"]
        self._open = None

    def _on_error(self, data: JsonObject) -> None:
        self._scalars["error"] = dict(data)

    def _on_done(self, data: JsonObject) -> None:
        self._running()
        self._open = None
        self._approvals.clear()
        self._scalars["status"] = data["status"]
        for key in ("stop_reason", "usage", "duration_ms"):
            if data.get(key) is not None:
                self._scalars[key] = data[key]

    def _on_snapshot(self, data: JsonObject) -> None:
        self.__init__()  # type: ignore[misc]
        held = ("messages", "tool_calls", "approvals", "text")
        self._scalars.update({key: value for key, value in data.items() if key not in held and value is not None})
        for message in data["messages"]:
            blocks = []
            for block in message["blocks"]:
                if "text" in block:
                    self._texts[message["message_id"], block["index"]] = [block["text"]]
                blocks.append({key: value for key, value in block.items() if key != "text"})
            self._messages[message["message_id"]] = {**message, "blocks": blocks}
        self._calls = {call["tool_call_id"]: dict(call) for call in data["tool_calls"]}
        self._approvals = {approval["approval_id"]: dict(approval) for approval in data["approvals"]}
        last = next(reversed(self._messages.values()), None)
        if last is not None and self.status == "running" and not last["complete"]:
            self._open = last

    def _running(self) -> None:
        self._scalars["status"] = "running"
        self._scalars.pop("queued", None)
        self._scalars.pop("recovering", None)


def fold(events: Iterable[tuple[str, JsonObject]]) -> JsonObject:
    """The state after ``events``, each given as (name, data)."""
    folded = Fold()
    for event, data in events:
        folded.apply(event, data)
    return folded.state()
