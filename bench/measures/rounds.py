"""Rounds: all cases in turn, again and again, until each has enough that other processes did not disturb."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

from ..generator import Result
from ..machine import QUIET, share_of_others, usage
from .scene import Results, Scene

One = Callable[[], Result]


def interleaved(scene: Scene, cases: Mapping[str, One], *beside: int) -> Results:
    """``beside``: processes that belong to us although they do not descend from us."""
    results: Results = {name: [] for name in cases}
    while due := [name for name in cases if wants_more(results[name], scene.rounds, scene.spare)]:
        for name in due:
            results[name].append(watched(cases[name], *beside))
    return {name: judged(found, scene.rounds) for name, found in results.items()}


def watched(one: One, *beside: int) -> Result:
    """One round, and the share of the machine that others used meanwhile."""
    before = usage(*beside)
    found = one()
    return {**found, "others": share_of_others(before, usage(*beside), os.cpu_count() or 1)}


def wants_more(found: list[Result], rounds: int, spare: int) -> bool:
    """Whether another round is due: too few were quiet, and there are some to spare."""
    quiet = sum(result["others"] <= QUIET for result in found)
    return quiet < rounds and len(found) < rounds + spare


def judged(found: list[Result], rounds: int) -> list[Result]:
    """Marks the rounds that count: quiet ones first, then those least disturbed."""
    best = sorted(range(len(found)), key=lambda at: (found[at]["others"] > QUIET, found[at]["others"], at))
    counting = set(best[:rounds])
    return [{**result, "counts": at in counting} for at, result in enumerate(found)]
