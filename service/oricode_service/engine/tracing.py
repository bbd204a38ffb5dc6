"""What the engine and the transports tell whoever draws traces: where a request, a run, a turn, a call begins and ends.

In: a ``with`` around the work, and what came of it. Out: nothing; the default does nothing and costs nothing.
``observe.spans`` implements it. Nothing here happens per event, and none of it may hold what people or models wrote.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from ..models.port import Draft, ModelCall
from ..store.rows import RunRow
from .observer import RunEnd


def _ignore(*_: object) -> None:
    """Takes what nobody wants to know."""


_NOTHING: Any = nullcontext(_ignore)
Told = Callable[..., None]
"""To be called inside the block with what came of it; without that call nothing is known."""


class Tracing:
    """Does nothing; subclasses draw. A block that raises has failed; its exception goes on."""

    def request(self, name: str, header: Callable[[bytes], str | None]) -> AbstractContextManager[Told]:
        """Around a request. Told: (route or None, status). ``header``: a header of it, which may hold a trace."""
        return _NOTHING  # type: ignore[no-any-return]

    def origin(self) -> dict[str, str]:
        """Labels that let another process continue the current trace."""
        return {}

    def run(self, row: RunRow, labels: Mapping[str, str]) -> AbstractContextManager[Any]:
        """Around a run's life in this process; ``labels`` hold its :meth:`origin`."""
        return _NOTHING  # type: ignore[no-any-return]

    def run_ended(self, end: RunEnd) -> None:
        """Inside :meth:`run`: its terminal event is durable."""

    def turns(self) -> AbstractContextManager[Callable[[int], None]]:
        """Around all turns of a run. Told the number of a turn when work on it begins, also again for the same turn."""
        return _NOTHING  # type: ignore[no-any-return]

    def call(self, call: ModelCall, attempt: int) -> AbstractContextManager[Callable[[Draft], None]]:
        """Around one call of a model. Told what it said, when it is complete."""
        return _NOTHING  # type: ignore[no-any-return]

    def tool(self, name: str, tool_call_id: str) -> AbstractContextManager[Callable[[str, str], None]]:
        """Around a tool call, the wait for people included. Told: (where it ran, status)."""
        return _NOTHING  # type: ignore[no-any-return]
