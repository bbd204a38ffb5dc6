"""The judge: what viewers saw, against what the provider sent and what happened. Shares no code with the service.

In: the records of every viewer of a run, the run's plan, the log as an undisturbed reader gets it afterwards, and the
counts of the external counter. Out: violations in words, and numbers for the table.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from .plan import Plan
from .wire import Message


@dataclass
class Sight:
    """What one viewer of one run saw, in the order it came."""

    name: str
    messages: list[Message] = field(default_factory=list)
    document: dict[str, Any] | None = None
    """For a viewer that got one JSON answer."""
    ended: bool = False
    resumes: int = 0
    gaps: int = 0
    problem: str = ""
    """A refusal that no fault explains."""
    first_seq: int = 1
    """Where it began to watch."""


@dataclass
class Verdict:
    """Numbers over any number of runs, and what is wrong."""

    runs: int = 0
    viewers: int = 0
    seen: int = 0
    lost: int = 0
    duplicated: int = 0
    altered: int = 0
    disordered: int = 0
    hanging: int = 0
    wrong_text: int = 0
    wrong_ends: int = 0
    effects: int = 0
    effects_twice: int = 0
    effects_untold: int = 0
    unknown: int = 0
    resumes: int = 0
    violations: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        return not self.violations

    def blame(self, kind: str, sentence: str, count: int = 1) -> None:
        setattr(self, kind, getattr(self, kind) + count)
        self.violations.append(sentence)


class Text:
    """The protocol's fold, for text only: blocks of messages, voided by a higher attempt."""

    def __init__(self) -> None:
        self._messages: dict[str, dict[int, str]] = {}
        self._open = ""

    def add(self, message: Message) -> None:
        data = message.data
        if message.event == "message_start":
            self._open = data["message_id"]
            self._messages[self._open] = {}
        elif message.event == "content":
            blocks = self._messages[self._open]
            blocks[data["index"]] = blocks.get(data["index"], "") + data["text"]

    @property
    def whole(self) -> str:
        return "".join("".join(blocks[i] for i in sorted(blocks)) for blocks in self._messages.values())


def seq(message: Message) -> int:
    return int(message.id.rpartition(".")[2])


def judge(verdict: Verdict, plan: Plan, sights: Sequence[Sight], log: Sequence[Message]) -> None:
    """Add a finished run. ``log``: all its events, read afterwards from the start without faults."""
    verdict.runs += 1
    tag = plan.tag
    _judge_log(verdict, plan, log)
    truth = {seq(message): message for message in log}
    for sight in sights:
        verdict.viewers += 1
        verdict.resumes += sight.resumes
        where = f"{tag}, {sight.name}"
        if sight.problem:
            verdict.blame("wrong_ends", f"{where}: {sight.problem}")
        if sight.gaps:
            verdict.blame("lost", f"{where}: {sight.gaps} gaps although nothing visible may be lost", sight.gaps)
        if not sight.ended:
            verdict.blame("hanging", f"{where}: did not come to an end")
            continue
        if sight.document is not None:
            _judge_document(verdict, plan, where, sight.document)
        else:
            _judge_viewer(verdict, plan, where, sight, truth)


def _judge_log(verdict: Verdict, plan: Plan, log: Sequence[Message]) -> None:
    numbers = [seq(message) for message in log]
    if numbers != list(range(1, len(log) + 1)):
        verdict.blame("disordered", f"{plan.tag}: the log is not dense: {_breaks(numbers)}")
    epochs = [int(message.id.split(".")[-2]) for message in log]
    if epochs != sorted(epochs):
        verdict.blame("disordered", f"{plan.tag}: epochs go backwards")
    ends = [message for message in log if message.event == "done"]
    if not ends:
        verdict.blame("hanging", f"{plan.tag}: the run has no end")
    elif len(ends) > 1 or log[-1].event != "done":
        verdict.blame("wrong_ends", f"{plan.tag}: {len(ends)} terminal events, last is {log[-1].event}")
    elif ends[0].data["status"] != "completed":
        errors = [message.data.get("error") for message in log if message.event == "error"]
        verdict.blame("wrong_ends", f"{plan.tag}: ended as {ends[0].data['status']}: {errors}")
    verdict.unknown += sum(m.event == "tool_result" and m.data["status"] == "unknown" for m in log)


def _judge_document(verdict: Verdict, plan: Plan, where: str, document: dict[str, Any]) -> None:
    if document.get("status") != "completed":
        verdict.blame("wrong_ends", f"{where}: the document says {document.get('status')}: {document.get('error')}")
    elif document["text"] != plan.text:
        verdict.blame("wrong_text", f"{where}: {_difference(plan.text, document['text'])}")


def _judge_viewer(verdict: Verdict, plan: Plan, where: str, sight: Sight, truth: dict[int, Message]) -> None:
    durable = [message for message in sight.messages if message.id]
    numbers = [seq(message) for message in durable]
    verdict.seen += len(numbers)
    times = Counter(numbers)
    if twice := sum(count - 1 for count in times.values()):
        verdict.blame("duplicated", f"{where}: {twice} events twice", twice)
    if missing := [number for number in truth if number >= sight.first_seq and number not in times]:
        verdict.blame("lost", f"{where}: {len(missing)} events lost, first {missing[0]}", len(missing))
    if numbers != sorted(numbers):
        verdict.blame("disordered", f"{where}: out of order: {_breaks(numbers)}")
    if other := [message for message in durable if truth.get(seq(message)) != message]:
        verdict.blame("altered", f"{where}: {len(other)} events differ from the log, first {other[0]}", len(other))
    ends = sum(message.event == "done" for message in durable)
    if ends != 1 or durable[-1].event != "done":
        verdict.blame("wrong_ends", f"{where}: saw {ends} terminal events")
    if sight.first_seq == 1:
        text = Text()
        for message in durable:
            text.add(message)
        if text.whole != plan.text:
            verdict.blame("wrong_text", f"{where}: {_difference(plan.text, text.whole)}")


def counted(path: Path) -> Counter[str]:
    """The external counter's file: ticket -> how often it happened."""
    return Counter(path.read_text().split()) if path.exists() else Counter()


def judge_effects(verdict: Verdict, logs: Iterable[tuple[Plan, Sequence[Message]]], counts: Counter[str]) -> None:
    """The external counter's numbers against what runs were told."""
    verdict.effects += sum(counts.values())
    for ticket, count in counts.items():
        if count > 1:
            verdict.blame("effects_twice", f"the effect of {ticket} happened {count} times", count - 1)
    for plan, log in logs:
        # The service may give a repeated call an id of its own, so calls are known by their ticket.
        ids = {m.data["input"].get("ticket"): m.data["tool_call_id"] for m in log if m.event == "tool_call"}
        told = {m.data["tool_call_id"]: m.data for m in log if m.event == "tool_result"}
        for call in (call for turn in plan.turns for call in turn.calls if call.ticket):
            result = told.get(ids.get(call.ticket, ""))
            happened = counts[call.ticket or ""]
            if result is None:
                verdict.blame("effects_untold", f"{plan.tag}: no result of {call.id}")
            elif result["status"] == "ok" and not happened:
                verdict.blame("effects_untold", f"{plan.tag}: {call.id} is ok and never happened")
            elif result["status"] == "error" and happened:
                text = result["summary"]
                verdict.blame("effects_untold", f"{plan.tag}: {call.id} happened and is told as an error: {text}")


def _breaks(numbers: list[int]) -> str:
    return ", ".join(f"{a}->{b}" for a, b in pairwise(numbers) if b != a + 1)[:200]


def _difference(wanted: str, got: str) -> str:
    at = next((i for i, (a, b) in enumerate(zip(wanted, got, strict=False)) if a != b), min(len(wanted), len(got)))
    return f"text differs at {at} of {len(wanted)}: wanted {wanted[at : at + 40]!r}, got {got[at : at + 40]!r}"
