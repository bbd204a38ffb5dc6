"""Many open streams that have nothing to say: does each get its heartbeats, does any drop, what does one weigh?

``python -m bench.idle_streams [--streams 1000] [--seconds 60] [--heartbeat 5]``; exit code 1 when a stream dropped or
missed a heartbeat.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import sys
import tempfile
from pathlib import Path

import uvloop

from .peers.ours import oricode
from .peers.process import Peer
from .upstreams.serving import paced_upstream


class Watcher(asyncio.Protocol):
    """One stream: counts heartbeats, remembers the longest silence."""

    def __init__(self, request: bytes) -> None:
        self._request = request
        self._heard = 0.0
        self.beats = 0
        self.silence = 0.0
        self.dropped = False
        self.over = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._heard = asyncio.get_running_loop().time()
        transport.write(self._request)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        now = asyncio.get_running_loop().time()
        self.silence = max(self.silence, now - self._heard)
        self._heard = now
        self.beats += data.count(b"event: heartbeat")

    def connection_lost(self, error: Exception | None) -> None:
        self.dropped = not self.over


async def _watch(peer: Peer, streams: int, seconds: float) -> tuple[list[Watcher], float]:
    loop = asyncio.get_running_loop()
    body = b'{"prompt":"x","stream":true}'
    head = "".join(f"{name}: {value}\r\n" for name, value in peer.headers.items())
    request = (
        f"POST {peer.path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
        f"content-length: {len(body)}\r\n{head}\r\n"
    ).encode() + body
    before = peer.rss()
    watchers: list[Watcher] = []
    for _ in range(streams):
        watcher = Watcher(request)
        await loop.create_connection(lambda watcher=watcher: watcher, "127.0.0.1", peer.port)
        watchers.append(watcher)
    await asyncio.sleep(seconds)
    weight = (peer.rss() - before) / streams / 1024
    for watcher in watchers:
        watcher.over = True
    return watchers, weight


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.idle_streams", description=__doc__)
    parser.add_argument("--streams", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--heartbeat", type=float, default=5)
    given = parser.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65536), hard))
    with (
        tempfile.TemporaryDirectory(prefix="oricode-idle-") as folder,
        paced_upstream(0, 0) as upstream,
        oricode(upstream, given.heartbeat, Path(folder)) as peer,
    ):
        watchers, weight = uvloop.run(_watch(peer, given.streams, given.seconds))
    due = int(given.seconds / given.heartbeat) - 2
    dropped = sum(watcher.dropped for watcher in watchers)
    short = sum(watcher.beats < due for watcher in watchers)
    print(f"{given.streams} streams for {given.seconds:g} s, heartbeat {given.heartbeat:g} s")
    print(f"dropped {dropped}, with fewer than {due} heartbeats {short}")
    beats, silence = sum(watcher.beats for watcher in watchers), max(watcher.silence for watcher in watchers)
    print(f"heartbeats {beats}, longest silence {silence:.2f} s")
    print(f"{weight:.1f} KB of memory per stream, its run and its upstream call included")
    return 1 if dropped or short else 0


if __name__ == "__main__":
    sys.exit(main())
