"""All measures, in the order they are run."""

from __future__ import annotations

from .fanout import FANOUT
from .first_byte import FIRST_BYTE
from .forwarded import BURST, MANY, PACED
from .growth import LOG, RUNS
from .replay import REPLAY
from .scene import Measure
from .start import START
from .waiting import WAITING

MEASURES: dict[str, Measure] = {
    measure.name: measure for measure in (BURST, PACED, MANY, WAITING, FIRST_BYTE, START, REPLAY, FANOUT, RUNS, LOG)
}
