"""``mcp_deploy_stored_code``: deploys a stored program to a target.

In: the program's name, optionally the target's. Out: a ``deployment`` step at 100 percent, the target's own steps,
then what happened. An incomplete program is refused. Whether a broken deployment arrived is asked of the target, never
guessed.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from hashlib import sha256
from typing import Any, Final, Literal

from . import languages
from .named_program import PROGRAM_PROPERTY, complete_program
from .port import Call, Effect, Outcome, Step, Subject
from .programs import Deployment, Program, Programs
from .targets.port import Job, Receipt, Target, TargetFailed

log = logging.getLogger(__name__)


class DeployStoredCode:
    """The tool over the durable store and the configured targets.

    ``targets`` by the name the model uses, ``default`` is one of them; ``clock`` gives milliseconds since the epoch.
    """

    name: Final = "mcp_deploy_stored_code"
    effect: Final = Effect.EFFECT
    time_limit: Final = 600.0
    runs: Final[Literal["server"]] = "server"

    def __init__(
        self,
        programs: Programs,
        targets: Mapping[str, Target],
        default: str,
        clock: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        if default not in targets:
            raise ValueError(f"the default target {default!r} is not among the targets {sorted(targets)}")
        self._programs = programs
        self._targets = targets
        self._default = default
        self._clock = clock

    @property
    def description(self) -> str:
        return (
            "Deploy a stored program, whose chunks must all be stored, and activate it. Check its syntax first. "
            f"The target is {self._default} unless another one is named."
        )

    @property
    def input_schema(self) -> dict[str, Any]:
        return {
            "type": "object",
            "properties": {
                "program": PROGRAM_PROPERTY,
                "target": {"type": "string", "enum": sorted(self._targets)},
            },
        }

    async def run(self, call: Call) -> AsyncGenerator[Step | Outcome, None]:
        yield Step("Deploying code to SAP...", "deployment", percent=100)
        program = await complete_program(self._programs, call)
        if isinstance(program, Outcome):
            yield program
            return
        if call.approved not in (None, self._subject(call, program).digest):
            yield Outcome(
                f"{program.name} was changed after its deployment was approved, so it was not deployed. Call the tool "
                "again to ask for a new approval.",
                "error",
                summary=f"{program.name} was changed after the approval",
            )
            return
        target, job = self._targets[self._target_name(call)], _job(call, program)
        try:
            async with contextlib.aclosing(target.deploy(job)) as doing:
                async for item in doing:
                    yield item if isinstance(item, Step) else await self._done(target, job, item, "deployed")
        except TargetFailed as failed:
            yield await self._failed(target, job, failed)

    async def subject(self, call: Call) -> Subject:
        return self._subject(call, await complete_program(self._programs, call))

    def _subject(self, call: Call, program: Program | Outcome) -> Subject:
        target = self._target_name(call)
        if isinstance(program, Outcome):
            return Subject("", f"It cannot be deployed as it is: {program.content}")
        bound = f"{target}\n{program.name}\n{program.sha256}"
        lines = len(program.source.splitlines())
        told = f"It deploys {program.name} to {target}: {lines} lines, sha256 {program.sha256}."
        return Subject(sha256(bound.encode()).hexdigest(), told)

    async def reconcile(self, call: Call) -> Outcome | None:
        program = await complete_program(self._programs, call)
        target = self._targets.get(self._target_name(call))
        if isinstance(program, Outcome) or target is None:
            return None
        job = _job(call, program)
        receipt = await self._found(target, job)
        return await self._done(target, job, receipt, "already deployed") if receipt else None

    def _target_name(self, call: Call) -> str:
        return call.input.get("target") or self._default

    async def _found(self, target: Target, job: Job) -> Receipt | None:
        try:
            return await target.find(job)
        except TargetFailed as failed:
            log.warning("%s could not be asked for %s: %s", target.name, job.name, failed)
            return None

    async def _done(self, target: Target, job: Job, receipt: Receipt, what: str) -> Outcome:
        deployment = Deployment(target.name, receipt.version, job.sha256, job.tool_call_id, self._clock())
        await self._programs.set_deployed(job.user, job.name, deployment)
        version = f", version {receipt.version}" if receipt.version is not None else ""
        note = f" {receipt.note}" if receipt.note else ""
        return Outcome(
            f"{job.name} is {what} to {target.name}{version}: {len(job.source.encode())} bytes, "
            f"sha256 {job.sha256}.{note}",
            summary=f"{job.name} {what} to {target.name}{version}",
        )

    async def _failed(self, target: Target, job: Job, failed: TargetFailed) -> Outcome:
        sentence = f"{job.name} was not deployed to {target.name}: {failed}"
        if not failed.uncertain:
            return Outcome(sentence, "error")
        if (receipt := await self._found(target, job)) is not None:
            return await self._done(target, job, receipt, "deployed")
        return Outcome(
            f"It cannot be told whether {job.name} was deployed to {target.name}: {failed} "
            "Look at the target before deploying again.",
            "unknown",
            summary=f"{job.name}: deployment unknown",
        )


def _job(call: Call, program: Program) -> Job:
    return Job(
        user=call.user,
        name=program.name,
        language=languages.detect(program.name, program.source, program.language),
        source=program.source,
        sha256=program.sha256,
        tool_call_id=call.tool_call_id,
    )
