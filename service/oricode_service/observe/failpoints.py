"""Named places where the fault suite kills the process.

In: the setting ``name:n`` (or None). Out: a function that is told each place's name as it is passed, and ends the
process with SIGKILL at the n-th passing of the named one.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

NAMES = (
    "turn.before",
    "turn.after",
    "intent.before",
    "intent.after",
    "call.after",
    "result.before",
    "result.after",
    "done.before",
    "done.after",
    "append.before",
    "append.after",
)


def failpoints(setting: str | None) -> Callable[[str], None]:
    """The function for a setting; raises ValueError for an unknown name."""
    if setting is None:
        return lambda name: None
    wanted, _, count = setting.partition(":")
    if wanted not in NAMES:
        raise ValueError(f"{wanted!r} is no failpoint; there are {', '.join(NAMES)}")
    left = int(count or 1)

    def reach(name: str) -> None:
        nonlocal left
        if name == wanted:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    return reach
