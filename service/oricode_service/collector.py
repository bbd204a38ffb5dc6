"""Python's cyclic garbage collector, set for a process that serves for months.

A full collection looks at every object alive: 180,000 after the imports, 60 ms in which no stream moves, and bursts of
new runs bring one every second or two. What the start has made is never garbage, so it is taken out of sight for good;
so is what a later import makes (MCP's SDK: 48,000 objects), without a look at it.
"""

from __future__ import annotations

import gc

YOUNG_OBJECTS = 10_000
"""New objects between two looks at the youngest (Python's own figure is 700)."""


def rest() -> None:
    """To be called before the imports: they make nothing that it could collect, and it would look at all of it."""
    gc.disable()


def settle() -> None:
    """To be called once, when everything is imported and set up."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, *gc.get_threshold()[1:])
    gc.enable()


def settle_more() -> None:
    """To be called after a later import. Costs nothing: what is garbage in this moment, and in cycles, stays."""
    gc.freeze()
