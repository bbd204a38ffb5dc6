"""The regression guard: what an event costs inside of the process, against a fixed loop in the same process.

Not a timed test: both sides are CPU time of this process, so a slow machine moves them together. What other processes
do to caches and shared cores only ever adds, hence the least of several; the limits are about twice what it costs.
"""

from __future__ import annotations

import gc
import json
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest
from oricode_protocol import codec

from bench import inside

PROJECT = Path(__file__).resolve().parents[2]
LIMITS = {"burst": 0.75, "trickle": 8.0}
"""Rounds of the fixed loop per event; 0.35 and 3.7 when they were set."""


@pytest.fixture(autouse=True)
def heap() -> Iterator[None]:
    """What other tests left in memory is not walked by the collector while we measure."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


def rounds_of_the_loop(load: str, tries: int = 12) -> float:
    """What an event costs; the least of several tries, which end early once it is within the limit."""
    loop, cost = float("inf"), float("inf")
    for _ in range(tries):
        # The loop is fixed, so its least is what it costs; were it measured too dear, a waste could hide behind it.
        loop = min(loop, inside.reference())
        cost = min(cost, inside.cost(load))
        if cost / loop <= LIMITS[load]:
            break
    return cost / loop


@pytest.mark.parametrize("load", LIMITS)
def test_an_event_costs_no_more_than_it_did(load: str):
    assert rounds_of_the_loop(load) <= LIMITS[load]


@pytest.mark.parametrize("load", LIMITS)
def test_a_codec_that_checks_every_event_against_the_schema_is_noticed(load: str, monkeypatch: pytest.MonkeyPatch):
    """The control: a plausible waste, and the guard fails."""
    schema = json.loads((PROJECT / "protocol" / "schema.json").read_text())
    checker = jsonschema.Draft202012Validator({"$ref": "#/$defs/Content", "$defs": schema["$defs"]})
    thrifty = codec.encode_texts

    def wasteful(texts: list[str], index: int) -> bytes:
        for text in texts * 3:  # in each layer again
            checker.validate({"text": text, "index": index})
        return thrifty(texts, index)

    monkeypatch.setattr(codec, "encode_texts", wasteful)
    assert rounds_of_the_loop(load, tries=2) > LIMITS[load]
