"""``python -m bench [--full] [--out FILE]``: all peers in turn, a table of ratios, JSON kept."""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any

from .peers.processes import OTHER_CORE, PEERS, Peer, burst_upstream, paced_upstream
from .upstreams import recording

DELTAS = 500
BASE = "express"
Result = dict[str, Any]


def load(spec: dict[str, Any]) -> Result:
    """One run of the load generator on the other core."""
    command = ["taskset", "-c", OTHER_CORE, sys.executable, "-m", "bench.load", json.dumps(spec)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: Result = json.loads(done.stdout.splitlines()[-1])
    return found


def forwarded(peer: Peer, streams: int, deltas: int, **more: Any) -> Result:
    """CPU per forwarded event of one round, verified by count."""
    before = peer.cpu()
    found = load(peer.spec(streams, deltas, **more))
    found["cpu"] = peer.cpu() - before  # threads that ended would be missed; peers keep theirs
    if found["exact"] != streams:
        found["warning"] = f"only {found['exact']} of {streams} streams were complete"
    found["us"] = found["cpu"] / max(1, found["events"]) * 1e6
    return found


def rounds(
    names: list[str], upstream: str, scratch: Path, count: int, one: Callable[[Peer], Result]
) -> dict[str, list[Result]]:
    """``count`` rounds of all peers, interleaved, the first one thrown away as warm-up."""
    results: dict[str, list[Result]] = {name: [] for name in names}
    with ExitStack() as stack:
        peers = [stack.enter_context(PEERS[name](upstream, 15, scratch)) for name in names]
        for number in range(count + 1):
            for peer in peers:
                found = one(peer)
                if number:
                    results[peer.name].append(found)
    return results


def memory(names: list[str], scratch: Path, streams: int) -> dict[str, list[Result]]:
    """Resident memory and heartbeat cost of streams that wait for a silent upstream."""
    results: dict[str, list[Result]] = {}
    beat = 1.0
    with paced_upstream(0, 0) as upstream:
        for name in names:
            with PEERS[name](upstream, beat, scratch) as peer:
                load(peer.spec(20, 0, hold=1))
                before = peer.rss()
                spec = peer.spec(streams, 0, hold=14, spread=3)
                command = ["taskset", "-c", OTHER_CORE, sys.executable, "-m", "bench.load", json.dumps(spec)]
                with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
                    assert running.stdout is not None
                    running.stdout.readline()
                    time.sleep(3)
                    grown, cpu, at = peer.rss() - before, peer.cpu(), time.monotonic()
                    time.sleep(8)
                    beats = streams * (time.monotonic() - at) / beat
                    us = (peer.cpu() - cpu) / beats * 1e6
                    running.wait(60)
                results[name] = [{"kb": grown / streams / 1024, "beat_us": us, "idle_mb": before / 1e6}]
    return results


def table(title: str, results: dict[str, list[Result]], columns: list[tuple[str, str]]) -> None:
    """Medians, ranges and ratios to Express."""
    print(f"\n## {title}\n")
    print("| peer | " + " | ".join(f"{label} | × {BASE}" for _, label in columns) + " |")
    print("| --- |" + " --- | --- |" * len(columns))
    for name, found in results.items():
        cells = []
        for key, _ in columns:
            values = [f[key] for f in found if f.get(key) is not None]
            if not values:
                cells.append("– | –")
                continue
            base = [f[key] for f in results.get(BASE, []) if f.get(key)]
            ratio = f"{median(values) / median(base):.2f}" if base else "–"
            cells.append(f"{median(values):.1f} ({min(values):.1f}–{max(values):.1f}) | {ratio}")
        print(f"| {name} | " + " | ".join(cells) + " |")
        for f in found:
            if "warning" in f:
                print(f"\n> {name}: {f['warning']}\n")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--full", action="store_true", help="more rounds, more streams")
    parser.add_argument("--peers", default=",".join(PEERS), help="comma-separated")
    parser.add_argument("--only", default="burst,paced,many,memory", help="which measures, comma-separated")
    parser.add_argument("--out", default="test-output/bench.json", help="where the JSON goes")
    arguments = parser.parse_args()
    names, only = arguments.peers.split(","), arguments.only.split(",")
    count = 5 if arguments.full else 3
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65536), hard))
    print(
        f"{platform.platform()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {count} rounds, medians (range)"
    )
    everything: dict[str, dict[str, list[Result]]] = {}
    with tempfile.TemporaryDirectory(prefix="oricode-bench-") as folder:
        scratch = Path(folder)
        if "burst" in only:
            with burst_upstream(recording.recorded(DELTAS), scratch) as upstream:
                found = rounds(names, upstream, scratch, count, lambda peer: forwarded(peer, 64, DELTAS))
            everything["burst"] = found
            table("Burst: 64 streams of 500 deltas", found, [("us", "CPU-µs per event"), ("first_ms", "first byte ms")])
        for title, key, streams in (("100", "paced", 100), ("500", "many", 500)):
            if key in only:
                with paced_upstream(250, 0.02) as upstream:
                    found = rounds(
                        names, upstream, scratch, 1 if key == "many" else count,
                        lambda peer, streams=streams: forwarded(peer, streams, 250, spread=1),
                    )  # fmt: skip
                for results in found.values():
                    for result in results:
                        result["rate"] = result["events"] / result["wall"]
                everything[key] = found
                columns = [
                    ("us", "CPU-µs per event"),
                    ("p50_ms", "added p50 ms"),
                    ("p99_ms", "p99 ms"),
                    ("rate", "events/s"),
                ]
                table(f"Paced: {title} streams × 50/s", found, columns)
        if "memory" in only:
            everything["memory"] = memory([n for n in names if n != "nginx"], scratch, 1000)
            columns = [("kb", "KB per waiting stream"), ("beat_us", "CPU-µs per heartbeat"), ("idle_mb", "RSS MB idle")]
            table("1,000 open streams on a silent upstream, a heartbeat a second", everything["memory"], columns)
    out = Path(arguments.out)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(everything, indent=1))
    print(f"\nJSON: {out}")


if __name__ == "__main__":
    main()
