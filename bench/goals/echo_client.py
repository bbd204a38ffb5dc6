"""The Python client's WebSocket, sending every message back: what the Autobahn suite's fuzzing server talks to.

``python -m bench.goals.echo_client URL AGENT [--unchecked]`` passes all cases that the server at ``URL`` has, and asks
it for its report. ``--unchecked``: text is taken as bytes, so that nobody looks whether it is UTF-8. A control.
"""

from __future__ import annotations

import asyncio
import sys

from oricode_client.service import Service
from oricode_client.transports.websocket import dial
from websockets.exceptions import ConnectionClosed


async def _echo(url: str, service: Service, checked: bool) -> None:
    """Until the other side has had enough; how it ended is the suite's to judge."""
    socket = await dial(url, service)
    try:
        while True:
            if checked:
                await socket.send(await socket.recv())
            else:
                await socket.send(await socket.recv(decode=False), text=True)
    except ConnectionClosed:
        return
    finally:
        await socket.close()


async def _all(url: str, agent: str, checked: bool) -> None:
    async with Service("http" + url.removeprefix("ws"), "key") as service:
        socket = await dial(f"{url}/getCaseCount", service)
        count = int(await socket.recv())
        await socket.close()
        for case in range(1, count + 1):
            await _echo(f"{url}/runCase?case={case}&agent={agent}", service, checked)
        await _echo(f"{url}/updateReports?agent={agent}", service, checked)


def main() -> None:
    url, agent, *flags = sys.argv[1:]
    asyncio.run(_all(url, agent, "--unchecked" not in flags))


if __name__ == "__main__":
    main()
