"""Strategies: single events, and whole runs that are legal by the lifecycle table and consistent in their ids."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, Literal, get_args, get_origin, get_type_hints

from hypothesis import strategies as st
from oricode_protocol.events import EVENTS, Event
from oricode_protocol.lifecycle import TRANSITIONS, RunState

Named = tuple[str, dict[str, Any]]
"""An event by name and data."""
TEXT = st.text(max_size=6)
USAGE = st.fixed_dictionaries({"input_tokens": st.integers(0, 99), "output_tokens": st.integers(0, 99)})


def events() -> st.SearchStrategy[Event]:
    """Any event with any field values its types allow."""
    return st.one_of([_instances(cls) for cls in EVENTS.values()])


def _instances(cls: type[Event]) -> st.SearchStrategy[Event]:
    hints = get_type_hints(cls)
    return st.builds(cls, **{field.name: _values(hints[field.name]) for field in fields(cls)})


def _values(hint: Any) -> st.SearchStrategy[Any]:
    plain = {str: TEXT, int: st.integers(0, 2**53), float: st.floats(0, 1e6), bool: st.booleans()}
    if hint in plain:
        return plain[hint]
    if get_origin(hint) is Literal:
        return st.sampled_from(get_args(hint))
    if get_origin(hint) is list:
        return st.lists(_values(get_args(hint)[0]), max_size=2)
    if get_origin(hint) is dict:
        return st.dictionaries(TEXT, TEXT | st.integers(0, 9), max_size=2)
    return st.one_of([st.none() if arm is type(None) else _values(arm) for arm in get_args(hint)])


@st.composite
def runs(draw: st.DrawFn, max_events: int = 25) -> list[Named]:
    """The events of a run, from the first to any later one; not always to the end."""
    story = _Story(draw)
    for _ in range(draw(st.integers(0, max_events))):
        exits = sorted(TRANSITIONS[story.state])
        if not exits:
            break
        # Endings are rarer than the table makes them, or most stories would be short.
        names = [name for name in exits if name not in ("error", "done")] or exits
        name = draw(st.sampled_from(names if len(names) < len(exits) and draw(st.integers(0, 5)) else exits))
        story.tell(name)
    return story.told


class _Story:
    """Keeps what later events must agree with."""

    def __init__(self, draw: st.DrawFn) -> None:
        self._draw = draw
        self.state = RunState.NEW
        self.told: list[Named] = []
        self._turn = 0
        self._attempt = 0
        self._complete = True
        self._kinds: list[str] = []
        """Of the open message's blocks; a tool input's is its call id."""
        self._calls: list[str] = []
        self._open_approvals: list[str] = []
        self._made = 0

    def tell(self, name: str) -> None:
        data = getattr(self, f"_{name}")()
        if data is None:
            return
        self.told.append((name, data))
        self.state = TRANSITIONS[self.state][name]

    def _new(self, kind: str) -> str:
        self._made += 1
        return f"{kind}_{self._made}"

    def _queued(self) -> dict[str, Any]:
        return {"position": self._draw(st.integers(0, 3))}

    def _recovering(self) -> dict[str, Any]:
        return {"attempt": self._draw(st.integers(1, 5)), "reason": "restarted"}

    def _message_start(self) -> dict[str, Any]:
        if self._complete:
            self._turn, self._attempt, self._complete = self._turn + 1, 0, False
        self._attempt += 1
        self._kinds = []
        self._calls = [call for call in self._calls if not call.startswith(f"call{self._turn}_")]
        start = {"message_id": f"msg_{self._turn}", "turn": self._turn, "attempt": self._attempt, "model": "m"}
        return {"message": "Message started", **start}

    def _piece(self, kind: str) -> dict[str, Any]:
        mine = [i for i, held in enumerate(self._kinds) if held == kind]
        index = self._draw(st.sampled_from([*mine, len(self._kinds)]))
        if index == len(self._kinds):
            self._kinds.append(kind)
        return {"text": self._draw(TEXT), "index": index}

    def _content(self) -> dict[str, Any]:
        return self._piece("content")

    def _thinking(self) -> dict[str, Any]:
        return self._piece("thinking")

    def _tool_input(self) -> dict[str, Any]:
        held = [(i, kind) for i, kind in enumerate(self._kinds) if kind.startswith("call")]
        piece = {"partial_json": self._draw(TEXT)}
        if held and self._draw(st.booleans()):
            index, call = self._draw(st.sampled_from(held))
            return {"tool_call_id": call, "index": index, **piece}
        call = self._new(f"call{self._turn}")
        self._kinds.append(call)
        self._calls.append(call)
        return {"tool_call_id": call, "index": len(self._kinds) - 1, "name": "tool", **piece}

    def _message_stop(self) -> dict[str, Any]:
        self._complete = True
        return {"message_id": f"msg_{self._turn}", "stop_reason": "end_turn", "usage": self._draw(USAGE)}

    def _call(self) -> str | None:
        return self._draw(st.sampled_from(self._calls)) if self._calls else None

    def _tool_call(self) -> dict[str, Any] | None:
        call = self._call()
        runs = self._draw(st.sampled_from(["server", "mcp", "client"]))
        return call and {"tool_call_id": call, "name": "tool", "input": {}, "runs": runs}

    def _progress(self) -> dict[str, Any]:
        call = self._call()
        return {"type": "chunking", "message": self._draw(TEXT)} | ({"tool_call_id": call} if call else {})

    def _tool_result(self) -> dict[str, Any] | None:
        call = self._call()
        return call and {"tool_call_id": call, "name": "tool", "status": "ok", "summary": self._draw(TEXT)}

    def _approval_required(self) -> dict[str, Any] | None:
        call = self._call()
        if call is None:
            return None
        approval = self._new("appr")
        self._open_approvals.append(approval)
        asked = {"approval_id": approval, "tool_call_id": call, "reason": "r", "input_digest": "d", "expires_at": 1}
        return asked

    def _approval_resolved(self) -> dict[str, Any] | None:
        if not self._open_approvals:
            return None
        approval = self._open_approvals.pop()
        return {"approval_id": approval, "tool_call_id": "call", "decision": "deny"}

    def _error(self) -> dict[str, Any]:
        return {"error": "It failed.", "code": "internal", "retryable": True}

    def _done(self) -> dict[str, Any]:
        status = "failed" if self.state is RunState.FAILED else self._draw(st.sampled_from(["completed", "cancelled"]))
        return {"message": "End", "status": status, "usage": self._draw(USAGE), "duration_ms": 5}
