"""May a call of a server's tool go ahead? By the operator's policy, and by a person where that says so.

In: a call as the model made it. Out: the call as it may run, or why it may not. An approval is for one call of one run,
once, and for what that call would act on at the moment it was asked for: the digest that the question shows covers the
tool, its input, and its :class:`~..tools.port.Subject` (for a deployment, the program's source and the target). What
has changed meanwhile is refused here, and once more by the tool, which reads it last.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

from oricode_protocol import codec
from oricode_protocol.events import ApprovalRequired, ApprovalResolved, Decision

from ..store.rows import RunRow
from ..tools.port import Call, Subject
from .ports import Ports
from .questions import ask
from .run import Run

APPROVAL = "appr_"
"""What the id of an approval begins with; the id of its call follows."""


@dataclass(frozen=True, slots=True)
class Permit:
    """The call may run."""

    call: Call
    digest: str
    """Of what may run; the one a person saw, when one was asked."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """The call may not run; ``why`` is for the model."""

    why: str


def digest_of(name: str, given: dict[str, Any], subject: Subject | None = None) -> str:
    """What an approval is bound to, and what the audit log shows of a call."""
    bound = {"name": name, "input": given}
    if subject is not None:
        bound["subject"] = subject.digest
    return sha256(codec.canonical(bound)).hexdigest()


async def permit(run: Run, ports: Ports, name: str, call_id: str, call: Call, *, begun: bool) -> Permit | Refusal:
    """Ask whoever must be asked. ``begun``: the call ran already, in a process that died; the ledger decides."""
    verdict = ports.policy(name, run.request.approvals)
    if verdict == "auto":
        return Permit(call, digest_of(name, call.input))
    if verdict == "deny":
        return Refusal(f"The operator's policy does not allow {name}.")
    subject = await ports.toolbox.subject(call, name)
    expires_at = ports.now() + int(ports.limits.approval_seconds * 1000)
    about = f" {subject.told}" if subject is not None else ""
    question = ApprovalRequired(
        approval_id=APPROVAL + call_id,
        tool_call_id=call_id,
        reason=f"{name} needs a person's approval.{about}",
        input_digest=digest_of(name, call.input, subject),
        expires_at=expires_at,
    )
    run.call_is(call_id, "approval")
    asked = await ask(run, ports, question.approval_id, "approval", question, expires_at)
    answer, by = asked.answer, asked.by
    decision: Decision = answer["decision"] if answer else "expired"
    comment = (answer or {}).get("comment")
    run.emit(
        ApprovalResolved(
            approval_id=question.approval_id, tool_call_id=call_id, decision=decision, by=by, comment=comment
        )
    )
    if decision != "approve":
        why = f"denied by {by}" if by else "not approved in time"
        said = f" ({comment})" if comment else ""
        return Refusal(f"The call was {why}{said}. It did not run.")
    approved: str = asked.question["input_digest"]
    subject = await ports.toolbox.subject(call, name)
    if digest_of(name, call.input, subject) != approved and not begun:
        return Refusal("What it acts on was changed after the call was approved. It did not run; call it again to ask.")
    return Permit(replace(call, approved=subject.digest) if subject is not None else call, approved)


async def audited(ports: Ports, row: RunRow, key: str, answer: Mapping[str, object]) -> tuple[str, bytes]:
    """The audit log's line about an approval: what was decided, and about what."""
    asked = await ports.runs.pending(row.no)
    question: dict[str, object] = next((codec.loads(pending.question) for pending in asked if pending.key == key), {})
    detail = {"run_id": row.id, "approval_id": key, "decision": answer["decision"]}
    return f"approval.{answer['decision']}", codec.dumps({**detail, "input_digest": question.get("input_digest")})
