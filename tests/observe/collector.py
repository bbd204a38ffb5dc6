"""A stand-in for an OpenTelemetry collector: takes OTLP over HTTP and keeps what it got.

Read by OpenTelemetry's own protobuf types, so that a real collector would read the same.
"""

from __future__ import annotations

import asyncio
import gzip
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

PATIENCE = 20
_KINDS = {1: "internal", 2: "server", 3: "client"}


@dataclass(frozen=True)
class Span:
    """One span as it was exported."""

    trace: str
    id: str
    parent: str
    """Empty when it has none."""
    name: str
    kind: str
    began: int
    error: bool
    service: str
    attributes: dict[str, Any] = field(hash=False)

    def children(self, spans: list[Span]) -> list[Span]:
        """Of these spans, in the order in which they began."""
        return sorted((s for s in spans if s.parent == self.id and s.trace == self.trace), key=lambda s: s.began)


class Collector:
    """``async with Collector() as collector``."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.received = b""
        """All bodies, as they are after decompression."""
        self.url = ""
        self._more = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()

    async def until(self, enough: Callable[[list[Span]], bool]) -> list[Span]:
        """All spans, once there are enough."""
        async with asyncio.timeout(PATIENCE):
            while not enough(self.spans):
                self._more.clear()
                await self._more.wait()
        return list(self.spans)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
                headers = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if line)
                body = await reader.readexactly(int(headers["content-length"]))
                match headers.get("content-encoding"):
                    case "gzip":
                        body = gzip.decompress(body)
                    case "deflate":
                        body = zlib.decompress(body)
                assert head.startswith("post /v1/traces ")
                self._take(body)
                answer = ExportTraceServiceResponse().SerializeToString()
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\n")
                writer.write(b"content-length: %d\r\n\r\n%b" % (len(answer), answer))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def _take(self, body: bytes) -> None:
        self.received += body
        request = ExportTraceServiceRequest.FromString(body)
        for resource in request.resource_spans:
            service = _attributes(resource.resource.attributes).get("service.name", "")
            for scope in resource.scope_spans:
                self.spans += [
                    Span(
                        s.trace_id.hex(), s.span_id.hex(), s.parent_span_id.hex(), s.name, _KINDS[s.kind],
                        s.start_time_unix_nano, s.status.code == 2, service, _attributes(s.attributes),
                    )
                    for s in scope.spans
                ]  # fmt: skip
        self._more.set()


def _attributes(pairs: Any) -> dict[str, Any]:
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(inner) for inner in value.array_value.values]
    return getattr(value, kind)
