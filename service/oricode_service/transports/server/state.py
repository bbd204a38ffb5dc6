"""What the connections of one server share, beside what uvicorn has them share."""

from __future__ import annotations

import resource
from logging import getLogger

from uvicorn.server import ServerState

from .census import Census
from .limits import Limits
from .wheel import Wheel

logger = getLogger(__name__)

OTHER_FILES = 128
"""Descriptors kept for everything that is not a connection: the store, models, tools."""

UNLIMITED = 100_000
"""Connections, when no limit is configured and the system knows none either."""


class State(ServerState):
    """uvicorn's shared state, with our limits, timer and counts."""

    def __init__(self, limits: Limits) -> None:
        super().__init__()
        self.limits = limits
        self.wheel = Wheel(limits.tick_seconds)
        self.census = Census(limits, _room(limits))
        self.draining = False


def _room(limits: Limits) -> int:
    """Connections there can be: as configured, or as many as the process may have files open."""
    others = OTHER_FILES + limits.health_connections
    wanted = (limits.max_connections or UNLIMITED) + others
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        if soft < wanted and limits.max_connections:
            logger.warning("room for %d connections only: the limit on open files is %d", soft - others, soft)
    return min(wanted, soft if soft != resource.RLIM_INFINITY else wanted) - others
