"""``python -m bench [--full] [--only NAMES] [--peers NAMES]``: all peers in turn, tables of ratios, JSON kept."""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import signal
import sys
import tempfile
from pathlib import Path

from . import __doc__ as hygiene
from . import budget
from .measures.all import MEASURES
from .measures.scene import Results, Scene
from .peers.menu import PEERS, QUICK
from .peers.others import LITELLM
from .table import lines

_FILES = 65536


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--full", action="store_true", help="all peers, more rounds")
    parser.add_argument("--peers", type=_names(PEERS), help="comma-separated: " + ", ".join(PEERS))
    parser.add_argument("--only", type=_names(MEASURES), default=tuple(MEASURES), help=", ".join(MEASURES))
    parser.add_argument("--out", type=Path, default=Path("test-output/bench.json"), help="where the JSON goes")
    given = parser.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, _FILES), hard))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the peers end too
    print(hygiene)
    peers = given.peers or (tuple(PEERS) if given.full else QUICK)
    if "litellm" in peers and not LITELLM.exists():
        print("The LiteLLM proxy could not be installed, or was not: it is left out.\n")
        peers = tuple(name for name in peers if name != "litellm")
    print(f"{platform.platform()}, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}\n", flush=True)
    everything: dict[str, Results] = {}
    given.out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="oricode-bench-") as folder:
        scene = Scene(peers, Path(folder), *((5, 10) if given.full else (3, 2)))
        for name in given.only:
            everything[name] = MEASURES[name].run(scene)
            print("\n".join(lines(MEASURES[name], everything[name])) + "\n", flush=True)
            given.out.write_text(json.dumps(everything, indent=1))
    print("\n".join(budget.lines(everything)) + "\n")
    print(f"JSON: {given.out}")


def _names(known: dict[str, object]):
    def parse(text: str) -> tuple[str, ...]:
        names = tuple(text.split(","))
        if unknown := [name for name in names if name not in known]:
            raise argparse.ArgumentTypeError(f"no such name: {', '.join(unknown)}; known: {', '.join(known)}")
        return names

    return parse


if __name__ == "__main__":
    main()
