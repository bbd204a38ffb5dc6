"""The WebSocket: ``chat`` starts, ``attach`` resumes; one connection for each run that is being read.

The key travels as a header. Frames that answer nothing we asked are events; replies come before the events they
cause, so the first frame with our ``ref`` is awaited in :meth:`WebSocket.open`.
"""

from __future__ import annotations

import asyncio
import ssl

from oricode_protocol import frames
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage, InvalidStatus
from websockets.typing import Subprotocol

from ..errors import ConnectionLost, OricodeClientError, ProtocolViolation, from_close, from_problem
from ..service import Service, lost
from ..wire import JsonObject, Wire, parse_object
from . import MAX_EVENT_BYTES, AlreadyEnded, Connection, Place

_REF = "open"


class WebSocket:
    """Opens WebSocket connections."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def open(self, place: Place, silence: float) -> Connection:
        try:
            async with asyncio.timeout(silence):
                socket = await self._connect()
                try:
                    return await _ask(socket, place)
                except BaseException:  # cancellation too: nobody else knows of this socket yet
                    await socket.close()
                    raise
        except TimeoutError:
            raise ConnectionLost(f"No answer for {silence:.0f} s.") from None

    async def _connect(self) -> ClientConnection:
        url = "ws" + self._service.url.removeprefix("http") + "/api/ws"
        try:
            return await dial(url, self._service)
        except InvalidStatus as refused:
            raise _refusal(refused) from None
        except InvalidMessage as cause:
            if isinstance(cause.__cause__, (EOFError, OSError)):  # cut in the middle of the handshake
                raise lost(cause) from cause
            raise ProtocolViolation(f"{url} is no WebSocket of Oricode's: {cause}.") from cause
        except InvalidHandshake as cause:
            raise ProtocolViolation(f"{url} is no WebSocket of Oricode's: {cause}.") from cause
        except OSError as cause:
            raise lost(cause) from cause


async def dial(url: str, service: Service) -> ClientConnection:
    """A connection with the options that all ours have, whatever answers at ``url``."""
    verify = service.verify
    context: ssl.SSLContext | None = None
    if url.startswith("wss:"):
        context = verify if isinstance(verify, ssl.SSLContext) else _context(verify)
    return await connect(
        url,
        subprotocols=[Subprotocol(frames.SUBPROTOCOL)],
        additional_headers={"X-API-Key": service.headers["X-API-Key"]},
        user_agent_header=service.headers["User-Agent"],
        compression=None,
        ping_interval=None,  # the service pings; heartbeats tell us about silence
        max_size=MAX_EVENT_BYTES,
        close_timeout=1.0,
        ssl=context,
    )


def _context(verify: bool) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _refusal(refused: InvalidStatus) -> OricodeClientError:
    """A handshake that was answered with a status instead of 101."""
    try:
        problem = parse_object(refused.response.body or b"", "The refusal")
    except ProtocolViolation:
        problem = {}  # a proxy's page: the status has to do
    retry_after = refused.response.headers.get("Retry-After", "")
    seconds = float(retry_after) if retry_after.isdigit() else None
    return from_problem(problem, refused.response.status_code, seconds)


async def _ask(socket: ClientConnection, place: Place) -> Connection:
    """Send the command that starts or resumes; return when it was accepted."""
    if place.run_id is None:
        command, data = "chat", {**place.request, "idempotency_key": place.idempotency_key}
    else:
        command, data = "attach", {"run": place.run_id} | ({"after": place.after} if place.after else {})
    try:
        await socket.send(frames.request(command, data, _REF).decode())
        while (frame := parse_object(await socket.recv(), "A frame")).get("ref") != _REF:
            pass  # only the connection's own greeting comes before the reply
    except ConnectionClosed as closed:
        raise _closed(closed) from closed
    if not frame.get("ok"):
        raise from_problem(frame.get("error") or {})
    if frame.get("data", {}).get("ended"):
        raise AlreadyEnded
    return WebSocketConnection(socket)


class WebSocketConnection:
    """One connection that reads one run."""

    planned = False
    retry_ms = None

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket

    async def read(self, silence: float) -> list[Wire]:
        while True:
            try:
                async with asyncio.timeout(silence):
                    frame = parse_object(await self._socket.recv(), "A frame")
            except TimeoutError:
                raise ConnectionLost(f"Nothing was heard for {silence:.0f} s.") from None
            except ConnectionClosed as closed:
                raise _closed(closed) from closed
            if "event" in frame:
                return [_wire(frame)]

    async def close(self) -> None:
        await self._socket.close()


def _closed(closed: ConnectionClosed) -> OricodeClientError:
    return from_close(closed.rcvd.code, closed.rcvd.reason) if closed.rcvd else lost(closed)


def _wire(frame: JsonObject) -> Wire:
    data = frame.get("data")
    if not isinstance(data, dict) or not isinstance(frame["event"], str):
        raise ProtocolViolation("A frame is not an event.")
    return Wire(str(frame.get("id") or ""), frame["event"], data)
