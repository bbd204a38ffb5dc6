"""Readers that take nothing, a thousand of them: what does each cost, and are they sent away?

``python -m bench.goals.stalled [--readers 1000] [--over sse]``. All ask for the 100,000 events of a run that has ended,
while 20 runs with viewers go on; first over SSE, then over WebSocket, each beside a fresh service. Exit code 1 when a
reader costs more than 64 KiB, when one is still there after 60 s, or when a viewer lost an event or waited a second.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import socket
import sys
import time

from .service import Service, service
from .viewer import Viewer

VIEWERS = 20
MOST_KIB = 64
GONE_WITHIN = 60.0
MOST_WAIT = 1.0
PATIENCE = 120.0


def _sse(running: Service, run: str) -> tuple[bytes, bytes]:
    head = f"GET /api/runs/{run}/events HTTP/1.1\r\nHost: 127.0.0.1\r\nX-API-Key: {running.key}\r\n\r\n"
    return head.encode(), b""


def _websocket(running: Service, run: str) -> tuple[bytes, bytes]:
    head = (
        "GET /api/ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"X-API-Key: {running.key}\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    command = b'{"command":"attach","ref":1,"data":{"run":"%b"}}' % run.encode()
    return head.encode(), bytes((0x81, 0x80 | len(command), 0, 0, 0, 0)) + command


ASKING = {"sse": _sse, "websocket": _websocket}
"""What a reader sends at first, and what after the head of the answer, if there is more."""


def _stalled(port: int, head: bytes, more: bytes) -> socket.socket:
    """A peer whose kernel does not read ahead either."""
    peer = socket.socket()
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    peer.connect(("127.0.0.1", port))
    peer.sendall(head)
    if more:
        peer.settimeout(PATIENCE)
        assert peer.recv(12) == b"HTTP/1.1 101"
        peer.sendall(more)
    return peer


async def _measure(running: Service, readers: int, over: str) -> list[str]:
    ended = await asyncio.to_thread(running.run)
    live = [await asyncio.to_thread(running.run, model="firehose:100000@5") for _ in range(VIEWERS)]
    viewers = [Viewer(running.port, running.key, run, 1.0) for run in live]
    tasks = [asyncio.create_task(viewer.watch()) for viewer in viewers]
    await asyncio.sleep(10)
    for viewer in viewers:
        viewer.silence = 0.0
    before, files = running.rss(), running.files()
    began = time.monotonic()
    asking = ASKING[over](running, ended)
    peers = [await asyncio.to_thread(_stalled, running.port, *asking) for _ in range(readers)]
    most = 0
    async with asyncio.timeout(PATIENCE):
        while running.files() > files:
            most = max(most, running.rss())
            await asyncio.sleep(0.1)
    took = time.monotonic() - began
    for peer in peers:
        peer.close()
    for task in tasks:
        task.cancel()
    each = (most - before) / readers / 1024
    wrong, longest = sum(v.wrong for v in viewers), max(v.silence for v in viewers)
    print(
        f"{readers} stalled readers over {over}: {each:.0f} KiB each at most, the last one was cut after {took:.1f} s"
    )
    print(f"{VIEWERS} viewers beside them: {wrong} events lost or wrong, longest wait {longest * 1000:.0f} ms")
    bad = [f"a stalled reader costs {each:.0f} KiB"] if each > MOST_KIB else []
    bad += [f"the last one was cut after {took:.1f} s"] if took > GONE_WITHIN else []
    bad += [f"{wrong} events lost or out of order"] if wrong else []
    return bad + ([f"a viewer waited {longest:.2f} s"] if longest > MOST_WAIT else [])


def main() -> int:
    asked = argparse.ArgumentParser(prog="python -m bench.goals.stalled")
    asked.add_argument("--readers", type=int, default=1000)
    asked.add_argument("--over", choices=tuple(ASKING), nargs="*", default=tuple(ASKING))
    options = asked.parse_args()
    files = options.readers + 1000
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, max(files, resource.getrlimit(resource.RLIMIT_NOFILE)[1])))
    bad: list[str] = []
    for over in options.over:
        with service("firehose:100000") as running:
            bad += asyncio.run(_measure(running, options.readers, over))
    for line in bad:
        print("NOT REACHED:", line)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
