"""A paced upstream: each stream gets a delta every ``period`` seconds that carries its send time; or stays silent.

One timer for all streams, whose phases are spread over the period, so that the emitter itself adds no burst.
``python -m bench.upstreams.paced PORT DELTAS PERIOD`` (PERIOD 0 = send the head and then nothing).
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import sys
import time

import uvloop

from . import recording

_RESPONSE = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


async def _handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, deltas: int, period: float) -> None:
    with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
        head = await reader.readuntil(b"\r\n\r\n")
        if (found := _LENGTH.search(head)) is not None:
            await reader.readexactly(int(found[1]))
        writer.write(_RESPONSE + _chunk(recording.head()))
        if period == 0:
            await reader.read()
            return
        loop = asyncio.get_running_loop()
        start = loop.time()
        for i in range(deltas):
            await asyncio.sleep(max(0.0, start + (i + 1) * period - loop.time()))
            writer.write(_chunk(recording.delta(time.monotonic_ns())))
        writer.write(_chunk(recording.tail(deltas)) + b"0\r\n\r\n")
        await writer.drain()
    writer.close()


async def _main(port: int, deltas: int, period: float) -> None:
    server = await asyncio.start_server(lambda r, w: _handle(r, w, deltas, period), "127.0.0.1", port, backlog=4096)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
