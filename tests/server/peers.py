"""Peers made by hand, so that they can be as slow, rude and silent as no client library is."""

from __future__ import annotations

import asyncio
import ctypes
import os
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

HELLO = b"GET /%s HTTP/1.1\r\nHost: x\r\n\r\n"


class Peer:
    """One raw connection. ``rcvbuf`` small = a peer whose kernel does not read ahead either."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def connect(cls, address: tuple[str, int], *, rcvbuf: int | None = None, limit: int = 2**16) -> Peer:
        raw = socket.socket()
        if rcvbuf:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        raw.setblocking(False)
        await asyncio.get_running_loop().sock_connect(raw, address)
        return cls(*await asyncio.open_connection(sock=raw, limit=limit))

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def pour(self, piece: bytes, total: int) -> int:
        """Send until ``total`` bytes have gone or the other side closes; how many went."""
        sent = 0
        try:
            async with asyncio.timeout(60):
                while sent < total:
                    await self.send(piece)
                    sent += len(piece)
        except ConnectionError:
            pass
        return sent

    async def ask(self, path: str) -> bytes:
        """The whole answer to a GET that has a length."""
        await self.send(HELLO % path.encode())
        return await self.answer()

    async def answer(self, seconds: float = 10) -> bytes:
        """Head and body of the next response that has a length."""
        async with asyncio.timeout(seconds):
            head = await self.reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
            return head + await self.reader.readexactly(length)

    async def chunk(self) -> bytes:
        """The next piece of a chunked body; empty = its end."""
        async with asyncio.timeout(10):
            size = int(await self.reader.readuntil(b"\r\n"), 16)
            return (await self.reader.readexactly(size + 2))[:-2]

    async def head(self) -> bytes:
        async with asyncio.timeout(10):
            return await self.reader.readuntil(b"\r\n\r\n")

    async def rest(self, seconds: float = 10) -> bytes:
        """Everything until the other side closes; a reset counts as closing."""
        data = bytearray()
        async with asyncio.timeout(seconds):
            try:
                while piece := await self.reader.read(65536):
                    data += piece
            except ConnectionError:
                pass
        return bytes(data)

    async def upgrade(self, path: str = "echo", extra: str = "") -> bytes:
        """Ask for a WebSocket; the answer's head."""
        await self.send(
            f"GET /{path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n{extra}"
            "Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        return await self.head()

    async def frame(self) -> tuple[int, bytes]:
        """The next frame: opcode and payload."""
        async with asyncio.timeout(10):
            first, size = await self.reader.readexactly(2)
            if size == 126:
                (size,) = struct.unpack("!H", await self.reader.readexactly(2))
            elif size == 127:
                (size,) = struct.unpack("!Q", await self.reader.readexactly(8))
            return first & 15, await self.reader.readexactly(size)

    async def close_code(self) -> int:
        """The code of the close frame, after whatever comes before it."""
        while True:
            opcode, data = await self.frame()
            if opcode == 8:
                return int.from_bytes(data[:2], "big")

    def vanish(self) -> None:
        self.writer.transport.abort()


def masked(opcode: int, data: bytes = b"", *, fin: bool = True, rsv1: bool = False) -> bytes:
    """A client's frame (with a mask of zeros)."""
    first = opcode | (0x80 if fin else 0) | (0x40 if rsv1 else 0)
    if len(data) < 126:
        head = bytes((first, 0x80 | len(data)))
    elif len(data) < 65536:
        head = bytes((first, 0x80 | 126)) + len(data).to_bytes(2, "big")
    else:
        head = bytes((first, 0x80 | 127)) + len(data).to_bytes(8, "big")
    return head + bytes(4) + data


@asynccontextmanager
async def peers(address: tuple[str, int], count: int) -> AsyncIterator[list[Peer]]:
    """``count`` connections at once."""
    connected = [await Peer.connect(address) for _ in range(count)]
    try:
        yield connected
    finally:
        for peer in connected:
            peer.vanish()


def resident_bytes(pid: int) -> int:
    """Memory of a process."""
    with open(f"/proc/{pid}/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def blackhole(peer: Peer) -> None:
    """Make the peer's kernel drop whatever arrives on its socket: no acknowledgement, no reset. It just vanished."""

    class Instruction(ctypes.Structure):
        _fields_ = (("code", ctypes.c_ushort), ("jt", ctypes.c_ubyte), ("jf", ctypes.c_ubyte), ("k", ctypes.c_uint32))

    drop_all = (Instruction * 1)(Instruction(6, 0, 0, 0))  # BPF: return 0 bytes of every packet
    program = struct.pack("HP", 1, ctypes.addressof(drop_all))
    attach_filter = 26
    peer.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, attach_filter, program)
