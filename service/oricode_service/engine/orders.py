"""What other processes ask of this one's runs, and runs that nobody owns any more.

In: the store's hints: a cancel, an answer to a question, a chat that became free, a peer that died or gave its runs up.
Out: the same calls on the engine that a request to this very process would have caused. Hints may be lost, so
everything is looked at now and then; with a store of one process there are none and this ends at once.
"""

from __future__ import annotations

import logging

from ..store.port import StoreUnavailable
from .runs import Engine

REASON = "Another instance of the service took over."
_log = logging.getLogger(__name__)


class Orders:
    """Carries out orders for the runs of one engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def run(self) -> None:
        """Until cancelled, or until the store says that there can be no other processes."""
        async for run_nos in self._engine.ports.runs.orders():
            try:
                await self._carry_out(run_nos)
            except StoreUnavailable as trouble:
                _log.info("orders wait: %s", trouble)

    async def _carry_out(self, run_nos: frozenset[int] | None) -> None:
        """``run_nos`` None: whatever there may be."""
        engine = self._engine
        if run_nos is None:
            await engine.recover(REASON)
        else:
            engine.nudge(run_nos)
        if engine.live:
            engine.stop_here(await engine.ports.runs.cancels())
