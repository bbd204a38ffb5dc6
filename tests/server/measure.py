"""Measures the server layer: CPU per small write and per request, memory and CPU of idle connections.

    python tests/server/measure.py writes|requests|idle|python [--connections 1000]

Each variant runs in a process of its own (the server), pinned to one core; the peers run here, on another. CPU is the
server process's own, user and system, divided by what it did; medians of rounds. Figures are to be compared with each
other, never across machines. ``uvicorn`` is the library as it comes, ``h11`` the same with its other parser, ``ours``
this layer; ``send`` is ASGI's, ``outlet`` ours. ``python`` leaves the kernel out: the transport swallows everything.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import resource
import selectors
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

import uvicorn
import uvloop
from oricode_service.transports.server import EXTENSION, Limits, Server, listen
from oricode_service.transports.server.http import HttpProtocol
from oricode_service.transports.server.running import _config
from oricode_service.transports.server.state import State
from server.peers import HELLO, resident_bytes
from uvicorn.server import ServerState

BLOCK = b"id: r7Yk2wQpTz0.1.12345\nevent: content\ndata: " + b'{"text":"' + b"x" * 40 + b'","index":0}' + b"\n\n"
UPGRADE = (
    b"GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
LIMITS = Limits(max_connections=0, max_connections_per_address=0)
ROUNDS, WARM, CALLS = 60, 10, 100_000


class App:
    """Opens streams and sockets; ``ways`` are their ways out."""

    def __init__(self) -> None:
        self.ways: list[tuple[Any, Any]] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope.get("path") == "/tiny":
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
            await send({"type": "http.response.body", "body": b"ok"})
            return
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.accept"})
        else:
            headers = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-cache")]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": BLOCK, "more_body": True})
        self.ways.append((send, scope.get("extensions", {}).get(EXTENSION)))
        await asyncio.get_running_loop().create_future()

    async def round(self, how: str, ws: bool) -> None:
        """One write on each connection."""
        message: Any = {"type": "http.response.body", "body": BLOCK, "more_body": True}
        if ws:
            message = {"type": "websocket.send", "text": BLOCK.decode()}
        for send, outlet in self.ways:
            if how == "send":
                await send(message)
            elif not outlet.write(BLOCK):
                await outlet.drain()


def plain_config(app: App, server: str) -> uvicorn.Config:
    return uvicorn.Config(
        app, http="h11" if server == "h11" else "httptools", ws="websockets-sansio", ws_per_message_deflate=False,
        lifespan="off", access_log=False, log_level="critical", interface="asgi3",
    )  # fmt: skip


# The server process.


async def child(args: argparse.Namespace) -> None:
    """Prints its port; then, for each line it reads, a figure."""
    app = App()
    [listener] = listen("127.0.0.1", 0)
    if args.server == "ours":
        running = asyncio.create_task(Server(LIMITS).serve(app, [listener]))
    else:
        running = asyncio.create_task(uvicorn.Server(plain_config(app, args.server)).serve([listener]))
    print(listener.getsockname()[1], flush=True)
    while await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline) == "round\n":
        began = time.process_time()
        await app.round(args.how, bool(args.ws))
        await asyncio.sleep(0.02)  # uvloop writes here
        print((time.process_time() - began) / len(app.ways) * 1e6, flush=True)
    running.cancel()


class Child:
    """A server process, seen from here."""

    def __init__(self, **how: str) -> None:
        flags = [part for name, value in how.items() for part in (f"--{name}", value)]
        command = [sys.executable, __file__, "child", *flags]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        os.sched_setaffinity(self.process.pid, {0})
        self.port = int(self.hear())

    def say(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line.encode() + b"\n")

    def hear(self) -> float:
        assert self.process.stdout is not None
        return float(self.process.stdout.readline())

    def cpu(self) -> float:
        """CPU seconds so far."""
        with open(f"/proc/{self.process.pid}/stat") as file:
            fields = file.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def weigh(self) -> int:
        return resident_bytes(self.process.pid)

    def open(self, count: int, request: bytes) -> list[socket.socket]:
        """``count`` connections that have had their first answer."""
        opened = []
        for _ in range(count):
            peer = socket.create_connection(("127.0.0.1", self.port))
            peer.sendall(request)
            peer.recv(65536)
            peer.setblocking(False)
            opened.append(peer)
        return opened

    def end(self) -> None:
        self.process.kill()
        self.process.wait()


# What is measured.


def writes(args: argparse.Namespace) -> None:
    for ws in ("", "yes"):
        for loop in ("asyncio", "uvloop"):
            kinds = [("h11", "send")] * (not ws) + [("uvicorn", "send"), ("ours", "send"), ("ours", "outlet")]
            children = [Child(server=server, how=how, loop=loop, ws=ws) for server, how in kinds]
            opened = [each.open(args.connections, UPGRADE if ws else HELLO % b"stream") for each in children]
            costs: list[list[float]] = [[] for _ in children]
            for _ in range(ROUNDS + WARM):  # interleaved: the machine is not the same from one second to the next
                for each, peers, cost in zip(children, opened, costs, strict=True):
                    cost.append(write_round(each, peers))
            for (server, how), cost in zip(kinds, costs, strict=True):
                name = f"{'websocket' if ws else 'sse':9} {loop:7} {server:7} {how:6}"
                print(f"{name} {statistics.median(cost[WARM:]):6.2f} us/write", flush=True)
            for each in children:
                each.end()


def write_round(server: Child, peers: list[socket.socket]) -> float:
    """Cost of one round; reads what it wrote."""
    server.say("round")
    with selectors.DefaultSelector() as selector:
        for peer in peers:
            selector.register(peer, selectors.EVENT_READ)
        for _ in range(len(peers)):
            for key, _ in selector.select(0.05):
                key.fileobj.recv(262144)  # type: ignore[union-attr]
                selector.unregister(key.fileobj)
            if not selector.get_map():
                break
    return server.hear()


def requests(args: argparse.Namespace) -> None:
    body = b'{"prompt":"' + b"p" * 300 + b'","stream":true}'
    headers = "".join(f"X-Header-{n}: some value of an ordinary length\r\n" for n in range(12)).encode()
    post = b"POST /tiny HTTP/1.1\r\nHost: x\r\n%bContent-Length: %d\r\n\r\n%b" % (headers, len(body), body)
    kinds = [(loop, server) for loop in ("asyncio", "uvloop") for server in ("h11", "uvicorn", "ours")]
    children = [Child(server=server, loop=loop) for loop, server in kinds]
    costs: dict[tuple[int, str], list[float]] = {}
    for _ in range(7):
        for number, each in enumerate(children):
            for name, request in (("GET", HELLO % b"tiny"), ("POST", post)):
                with socket.create_connection(("127.0.0.1", each.port)) as peer:
                    began = each.cpu()
                    for _ in range(2000):
                        peer.sendall(request)
                        while not peer.recv(65536).endswith(b"ok"):
                            pass
                    costs.setdefault((number, name), []).append((each.cpu() - began) / 2000 * 1e6)
    for number, (loop, server) in enumerate(kinds):
        get, sent = (statistics.median(costs[number, name]) for name in ("GET", "POST"))
        print(f"{loop:7} {server:7} {get:6.0f} us/GET {sent:6.0f} us/POST", flush=True)
        children[number].end()


def idle(args: argparse.Namespace) -> None:
    for ws in ("", "yes"):
        for loop in ("asyncio", "uvloop"):
            for server in ("uvicorn", "ours"):
                each = Child(server=server, loop=loop, ws=ws)
                request = UPGRADE if ws else HELLO % b"stream"
                warm = each.open(50, request)
                before = each.weigh()
                opened = each.open(args.connections, request)
                grown = (each.weigh() - before) / args.connections / 1024
                began = each.cpu()
                time.sleep(20)
                busy = (each.cpu() - began) / 20 * 100
                name = f"{'websocket' if ws else 'sse':9} {loop:7} {server:7}"
                print(f"{name} {grown:5.1f} KiB each, {busy:4.2f} % of a core", flush=True)
                each.end()
                for peer in warm + opened:
                    peer.close()


class Sink(asyncio.Transport):
    """Takes everything."""

    def write(self, data: Any) -> None: ...
    def close(self) -> None: ...
    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None: ...
    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None: ...
    def get_write_buffer_size(self) -> int:
        return 0

    def is_closing(self) -> bool:
        return False


async def only_python() -> None:
    for ws in (False, True):
        for server, how in (("h11", "send"), ("uvicorn", "send"), ("ours", "send"), ("ours", "outlet")):
            if ws and server == "h11":
                continue
            app = App()
            config = _config(app, LIMITS) if server == "ours" else plain_config(app, server)
            config.load()
            make: Any = HttpProtocol if server == "ours" else config.http_protocol_class
            protocol = make(config, State(LIMITS) if server == "ours" else ServerState(), {})
            protocol.connection_made(Sink())
            protocol.data_received(UPGRADE if ws else HELLO % b"stream")
            await asyncio.sleep(0.05)
            app.ways *= CALLS
            costs = []
            for _ in range(7):
                began = time.process_time()
                await app.round(how, ws)
                costs.append((time.process_time() - began) / CALLS * 1e6)
            name = f"{'websocket' if ws else 'sse':9} {server:7} {how:6}"
            print(f"{name} {statistics.median(costs):5.2f} us/write", flush=True)
    os._exit(0)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=("writes", "requests", "idle", "python", "child"))
    parser.add_argument("--connections", type=int, default=1000)
    for name, default in (("server", "ours"), ("how", "send"), ("loop", "asyncio"), ("ws", "")):
        parser.add_argument(f"--{name}", default=default)
    args = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if args.what == "child":
        asyncio.Runner(loop_factory=uvloop.new_event_loop if args.loop == "uvloop" else None).run(child(args))
    elif args.what == "python":
        asyncio.run(only_python())
    else:
        os.sched_setaffinity(0, {(os.cpu_count() or 1) - 1})
        {"writes": writes, "requests": requests, "idle": idle}[args.what](args)


if __name__ == "__main__":
    main()
