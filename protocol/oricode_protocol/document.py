"""The run document: the JSON answer, made from a folded state (PROTOCOL.md section 7). Pure."""

from __future__ import annotations

from typing import Any

JsonObject = dict[str, Any]
ENDED = ("completed", "failed", "cancelled")


def document(state: JsonObject) -> JsonObject:
    """The document for a state. ``status`` is ``waiting`` when only viewers can bring the run on."""
    messages = state["messages"]
    failure = state.get("error") or {}
    status = state["status"]
    made: JsonObject = {
        "run_id": state.get("run_id"),
        "chat_id": state.get("chat_id"),
        "status": "waiting" if waiting(state) else "queued" if status == "new" else status,
        "text": state["text"],
        "message": _message(messages[-1], state["tool_calls"]) if messages else None,
        "model": messages[-1]["model"] if messages else None,
        "stop_reason": state.get("stop_reason"),
        "usage": state.get("usage"),
        "duration_ms": state.get("duration_ms"),
        "error": failure.get("error"),
    }
    if failure:
        made |= {"code": failure["code"], "retryable": failure["retryable"]}
    if status not in ENDED:
        made["tool_calls"] = [call for call in state["tool_calls"] if call["state"] == "running"]
        made["approvals"] = state["approvals"]
    return made


def waiting(state: JsonObject) -> bool:
    """Whether the run waits for viewers alone: client tools or approvals are pending and nothing else runs."""
    if state["status"] != "running" or (state["messages"] and not state["messages"][-1]["complete"]):
        return False
    running = [call for call in state["tool_calls"] if call["state"] == "running"]
    for_viewers = [call for call in running if call.get("runs") == "client"]
    undecided = {approval["tool_call_id"] for approval in state["approvals"]}
    unstarted = [c for c in state["tool_calls"] if c["state"] == "writing" and c["tool_call_id"] not in undecided]
    return bool(for_viewers or undecided) and len(for_viewers) == len(running) and not unstarted


def _message(message: JsonObject, calls: list[JsonObject]) -> JsonObject:
    by_id = {call["tool_call_id"]: call for call in calls}
    content: list[JsonObject] = []
    for block in message["blocks"]:
        if block["type"] == "text":
            content.append({"type": "text", "text": block["text"]})
        elif block["type"] == "thinking":
            content.append({"type": "thinking", "thinking": block["text"]})
        else:
            call = by_id.get(block["tool_call_id"], {})
            content.append(
                {
                    "type": "tool_use",
                    "id": block["tool_call_id"],
                    "name": call.get("name"),
                    "input": call.get("input", {}),
                }
            )
    return {"role": "assistant", "content": content}
