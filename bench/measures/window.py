"""A stretch of time in the middle of a load: what a peer uses while all streams are open and none begins or ends."""

from __future__ import annotations

from typing import Any, NamedTuple

from ..generator import running
from ..peers.process import Peer


class Window(NamedTuple):
    """What happened in it."""

    seconds: float
    events: int
    cpu: float
    """Seconds of the peer."""
    rss: int
    """Bytes of the peer at its beginning."""


def window(peer: Peer, spec: dict[str, Any], settle: float, seconds: float) -> Window:
    """Opens the streams of ``spec``, waits ``settle`` seconds, looks for ``seconds``, drops the streams.

    Raises RuntimeError when a stream was refused.
    """
    with running({**spec, "window": [settle, seconds]}) as generator:
        begins = generator.line()
        cpu, rss = peer.cpu(), peer.rss()
        ends = generator.line()
        cpu = peer.cpu() - cpu
        if refused := generator.line()["refused"]:
            raise RuntimeError(f"{peer.name} refused {refused} of {spec['streams']} streams")
    return Window(ends["ends"] - begins["begins"], ends["events"] - begins["events"], cpu, rss)
