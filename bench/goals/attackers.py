"""Hostile peers. ``python -m bench.goals.attackers NAME PORT KEY`` does its worst once and prints the outcome as JSON.

In a process of its own, so that its work is not taken for the service's. All of them talk to 127.0.0.1 only, and end.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

PEERS = 300
PATIENCE = 60


async def _open(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", port)


async def _pour(writer: asyncio.StreamWriter, piece: bytes, total: int) -> int:
    """How much went before the other side had enough."""
    sent = 0
    try:
        while sent < total:
            writer.write(piece)
            await writer.drain()
            sent += len(piece)
    except ConnectionError:
        pass
    return sent


async def _until_closed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, drip: bytes) -> float | None:
    """Seconds until the other side closed, while a byte is sent each second; None = it did not."""
    began = time.monotonic()
    while time.monotonic() - began < PATIENCE:
        try:
            async with asyncio.timeout(1):
                if not await reader.read(65536):
                    return time.monotonic() - began
                continue
        except TimeoutError:
            pass
        except ConnectionError:
            return time.monotonic() - began
        try:
            writer.write(drip)
            await writer.drain()
        except ConnectionError:
            return time.monotonic() - began
    return None


async def _slow(port: int, opening: bytes, drip: bytes) -> dict[str, Any]:
    async def one() -> float | None:
        reader, writer = await _open(port)
        writer.write(opening)
        took = await _until_closed(reader, writer, drip)
        writer.close()
        return took

    took = await asyncio.gather(*(one() for _ in range(PEERS)))
    closed = [seconds for seconds in took if seconds is not None]
    return {"closed": len(closed), "of": PEERS, "slowest": round(max(closed, default=0), 1)}


async def slow_heads(port: int, key: str) -> dict[str, Any]:
    """Headers that come a byte a second."""
    return await _slow(port, b"GET / HTTP/1.1\r\nHost: x\r\nX-A: ", b"a")


async def silent(port: int, key: str) -> dict[str, Any]:
    """Connections that never say anything."""
    return await _slow(port, b"", b"")


async def slow_bodies(port: int, key: str) -> dict[str, Any]:
    """Bodies that come a byte a second."""
    head = f"POST /api/chat HTTP/1.1\r\nHost: 127.0.0.1\r\nX-API-Key: {key}\r\nContent-Type: application/json\r\n"
    return await _slow(port, head.encode() + b"Content-Length: 1000\r\n\r\n", b" ")


async def endless_head(port: int, key: str) -> dict[str, Any]:
    """64 MB of headers."""
    _, writer = await _open(port)
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n")
    sent = await _pour(writer, b"X-A: " + b"a" * 1000 + b"\r\n", 64 * 2**20)
    writer.close()
    return {"megabytes taken": round(sent / 2**20, 1)}


async def endless_body(port: int, key: str) -> dict[str, Any]:
    """64 MB of body."""
    _, writer = await _open(port)
    writer.write(f"POST /api/chat HTTP/1.1\r\nHost: 127.0.0.1\r\nX-API-Key: {key}\r\n".encode())
    writer.write(b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
    sent = await _pour(writer, b"400\r\n" + b" " * 1024 + b"\r\n", 64 * 2**20)
    writer.close()
    return {"megabytes taken": round(sent / 2**20, 1)}


async def knocks(port: int, key: str) -> dict[str, Any]:
    """Connections that leave at once, with or without nonsense."""
    for number in range(5000):
        _, writer = await _open(port)
        if number % 2:
            writer.write(os.urandom(64))
        writer.transport.abort()
    return {"connections": 5000}


async def _socket(port: int, key: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await _open(port)
    nonce = base64.b64encode(os.urandom(16)).decode()
    writer.write(
        f"GET /api/ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nX-API-Key: {key}\r\n"
        f"Sec-WebSocket-Key: {nonce}\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n".encode()
    )
    head = await reader.readuntil(b"\r\n\r\n")
    assert b" 101 " in head, head
    assert b"permessage-deflate" not in head.lower(), "compression was agreed on"
    return reader, writer


def _masked(first: int, body: bytes) -> bytes:
    size = len(body)
    length = bytes((0x80 | size,)) if size < 126 else b"\xfe" + size.to_bytes(2, "big")
    return bytes((first,)) + length + b"\0\0\0\0" + body


async def _flood(port: int, key: str, opening: bytes, piece: bytes, total: int) -> dict[str, Any]:
    async def one() -> tuple[int, int]:
        reader, writer = await _socket(port, key)
        writer.write(opening)
        sent = await _pour(writer, piece, total)
        code = 0
        try:
            async with asyncio.timeout(10):
                rest = await reader.read(-1)
        except (ConnectionError, TimeoutError):
            rest = b""
        if (at := rest.rfind(b"\x88")) >= 0 and len(rest) >= at + 4:
            code = int.from_bytes(rest[at + 2 : at + 4], "big")
        writer.close()
        return sent, code

    ends = await asyncio.gather(*(one() for _ in range(8)))
    most = max(sent for sent, _ in ends)
    return {"sockets": 8, "megabytes taken at most": round(most / 2**20, 1), "codes": sorted({c for _, c in ends})}


async def fragments(port: int, key: str) -> dict[str, Any]:
    """1.5 million empty pieces of a message."""
    return await _flood(port, key, _masked(0x01, b""), _masked(0x00, b"") * 10_000, 1_500_000 * 6)


async def pings(port: int, key: str) -> dict[str, Any]:
    """Pings as fast as they go."""
    return await _flood(port, key, b"", _masked(0x89, b"x" * 100) * 1000, 16 * 2**20)


async def commands(port: int, key: str) -> dict[str, Any]:
    """Commands as fast as they go."""
    return await _flood(port, key, b"", _masked(0x81, b'{"command":"detach","data":{"run":"r"}}') * 1000, 16 * 2**20)


async def huge_message(port: int, key: str) -> dict[str, Any]:
    """A message of 16 MiB."""
    opening = b"\x81\xff" + (16 * 2**20).to_bytes(8, "big") + b"\0\0\0\0"
    return await _flood(port, key, opening, b"x" * 65536, 16 * 2**20)


ATTACKS: dict[str, Callable[[int, str], Awaitable[dict[str, Any]]]] = {
    attack.__name__: attack
    for attack in (
        slow_heads, silent, slow_bodies, endless_head, endless_body, knocks, fragments, pings, commands, huge_message,
    )
}  # fmt: skip

if __name__ == "__main__":
    print(json.dumps(asyncio.run(ATTACKS[sys.argv[1]](int(sys.argv[2]), sys.argv[3]))))
