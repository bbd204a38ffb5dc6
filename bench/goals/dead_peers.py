"""Peers that vanish without a word, as a laptop does that is closed: how soon does the service know?

``python -m bench.goals.dead_peers`` (as root: the peers live in a network namespace of their own, which is cut off). On
busy streams the kernel waits for acknowledgements, on quiet ones heartbeats and pings get no answer. Exit code 1 when a
connection outlived 45 s, or the run did not go on.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
import urllib.request

from .service import Service, service

NAMESPACE, HERE, THERE = "oricode-goal", "10.213.7.1", "10.213.7.2"
GONE_WITHIN = 45.0
PATIENCE = 120.0
_PEERS = """
import base64, os, socket, sys, time
port, key, busy, quiet = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4]
held = []
for run in (busy, quiet):
    for _ in range(5):
        s = socket.create_connection(("%(here)s", port)); held.append(s)
        s.sendall(f"GET /api/runs/{run}/events HTTP/1.1\\r\\nHost: x\\r\\nX-API-Key: {key}\\r\\n\\r\\n".encode())
for _ in range(5):
    s = socket.create_connection(("%(here)s", port)); held.append(s)
    nonce = base64.b64encode(os.urandom(16)).decode()
    s.sendall((f"GET /api/ws HTTP/1.1\\r\\nHost: x\\r\\nX-API-Key: {key}\\r\\n"
        "Upgrade: websocket\\r\\nConnection: Upgrade\\r\\n"
        f"Sec-WebSocket-Key: {nonce}\\r\\nSec-WebSocket-Version: 13\\r\\n\\r\\n").encode())
for s in held:
    assert s.recv(4096)
print("connected", flush=True)
time.sleep(600)
""" % {"here": HERE}  # noqa: UP031 - braces are Python's own in there


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


def _namespace() -> None:
    _ip("netns", "add", NAMESPACE)
    _ip("link", "add", "oricode0", "type", "veth", "peer", "name", "oricode1", "netns", NAMESPACE)
    _ip("addr", "add", f"{HERE}/24", "dev", "oricode0")
    _ip("link", "set", "oricode0", "up")
    _ip("-n", NAMESPACE, "addr", "add", f"{THERE}/24", "dev", "oricode1")
    _ip("-n", NAMESPACE, "link", "set", "oricode1", "up")


def _cut_off() -> None:
    """From now on nothing that the peers send leaves their namespace: neither data nor acknowledgements."""
    _ip("-n", NAMESPACE, "route", "add", "blackhole", f"{HERE}/32")


def _open(running: Service) -> dict[str, int]:
    request = urllib.request.Request(f"{running.url}/metrics", headers={"X-API-Key": running.key})
    with urllib.request.urlopen(request, timeout=5) as answer:
        lines = answer.read().decode().splitlines()
    return {
        kind: int(float(line.rpartition(" ")[2]))
        for line in lines
        for kind in ("http", "websocket")
        if line.startswith(f"oricode_connections_{kind} ")
    }


async def _until(running: Service, wanted: dict[str, int]) -> dict[str, float]:
    """Seconds until so many connections of each kind were open."""
    began, took = time.monotonic(), dict[str, float]()
    async with asyncio.timeout(PATIENCE):
        while len(took) < len(wanted):
            now = await asyncio.to_thread(_open, running)
            for kind in wanted:
                if now[kind] == wanted[kind]:
                    took.setdefault(kind, time.monotonic() - began)
            await asyncio.sleep(0.2)
    return took


async def _measure(running: Service) -> list[str]:
    busy = await asyncio.to_thread(running.run, model="firehose:100000@5")
    quiet = await asyncio.to_thread(running.run, model="demo", approvals=True)
    arguments = [str(running.port), running.key, busy, quiet]
    peers = await asyncio.create_subprocess_exec(
        "ip", "netns", "exec", NAMESPACE, sys.executable, "-c", _PEERS, *arguments, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert peers.stdout is not None
        async with asyncio.timeout(PATIENCE):
            assert await peers.stdout.readline()
        await _until(running, {"http": 10, "websocket": 5})
        _cut_off()
        took = await _until(running, {"http": 0, "websocket": 0})
    finally:
        peers.kill()
        await peers.wait()
    for kind, seconds in took.items():
        print(f"{kind}: the last of the vanished peers was gone after {seconds:.1f} s")
    request = urllib.request.Request(f"{running.url}/api/runs/{busy}", headers={"X-API-Key": running.key})
    with urllib.request.urlopen(request, timeout=10) as answer:
        status = json.load(answer)["status"]
    print(f"their run is {status}")
    bad = [f"{kind}: {seconds:.1f} s" for kind, seconds in took.items() if seconds > GONE_WITHIN]
    return bad + ([f"the run is {status}"] if status != "running" else [])


def main() -> int:
    _namespace()
    try:
        with service(ORICODE_APPROVALS="*=ask", ORICODE_HOST=HERE) as running:
            bad = asyncio.run(_measure(running))
    finally:
        _ip("netns", "del", NAMESPACE)
    for line in bad:
        print("NOT REACHED:", line)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
