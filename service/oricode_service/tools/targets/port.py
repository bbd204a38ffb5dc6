"""The target port: what a deployment asks of a system that programs are deployed to.

In: a :class:`Job`, a whole program. Out: a few steps, then one :class:`Receipt`, or :class:`TargetFailed`. A target
knows nothing of runs or of the store. Implemented by ``directory`` and ``sap_adt``.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Protocol

from ..port import Step

PHASES = 4
"""Creating, locking, writing, activating: every target goes through the same four."""


@dataclass(frozen=True, slots=True)
class Job:
    """One deployment."""

    user: str
    name: str
    """Canonical (``program_names``)."""
    language: str
    source: str
    sha256: str
    """Of the source's UTF-8 bytes."""
    tool_call_id: str
    """The idempotency key: a job with a key that the target has seen is not done again."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """The target holds the job's source, active."""

    version: int | None = None
    """Counted by the target, from 1; None when it does not count."""
    note: str = ""
    """What else the target said, e.g. warnings; complete sentences."""


class TargetFailed(Exception):
    """It did not work. The text is whole sentences: what the target said, what was left behind; never a credential."""

    def __init__(self, sentence: str, *, uncertain: bool = False) -> None:
        super().__init__(sentence)
        self.uncertain = uncertain
        """True when the target may hold the source all the same: the answer to the last request never came."""


class Target(Protocol):
    """A system that programs are deployed to."""

    @property
    def name(self) -> str:
        """As the model names it in ``target``."""
        ...

    def deploy(self, job: Job) -> AsyncGenerator[Step | Receipt, None]:
        """Yield the steps, then the receipt. Raises :class:`TargetFailed`.

        Cancelling or closing it leaves no lock behind; what was written up to then may stay.
        """
        ...

    async def find(self, job: Job) -> Receipt | None:
        """Does the target hold exactly this source, active? None when it does not. Raises :class:`TargetFailed`."""
        ...


def phase(number: int, doing: str, name: str) -> Step:
    """The step of one phase: ``phase(1, "Creating", "ZFOO")``."""
    return Step(f"{doing} {name}...", "deployment", current=number, total=PHASES)
