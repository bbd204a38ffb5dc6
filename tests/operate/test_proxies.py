"""The examples in ``deploy/`` in the real proxies: events arrive as they are made, and metrics stay inside."""

import asyncio
import json
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from clients.real_service import RealService
from websockets.asyncio.client import connect

DEPLOY = Path(__file__).parents[2] / "deploy"
SLOW = {"prompt": "go", "model": "firehose:10@5", "stream": True}
"""Two seconds of events."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def nginx(folder: Path, port: int, target: int) -> list[str]:
    example = (DEPLOY / "nginx.conf").read_text()
    server = example.replace("listen 8080", f"listen 127.0.0.1:{port}").replace("127.0.0.1:8000", f"127.0.0.1:{target}")
    temporary = " ".join(f"{name}_temp_path {folder}/{name};" for name in ("proxy", "fastcgi", "uwsgi", "scgi"))
    file = folder / "nginx.conf"
    file.write_text(
        f"daemon off; master_process off; pid {folder}/pid; error_log {folder}/log; events {{}}\n"
        f"http {{ access_log off; client_body_temp_path {folder}/body; {temporary}\n{server}\n}}\n"
    )
    return ["nginx", "-c", str(file), "-e", str(folder / "log")]


def haproxy(folder: Path, port: int, target: int) -> list[str]:
    example = (DEPLOY / "haproxy.cfg").read_text()
    file = folder / "haproxy.cfg"
    file.write_text(
        example.replace("bind :8080", f"bind 127.0.0.1:{port}").replace("127.0.0.1:8000", f"127.0.0.1:{target}")
    )
    return ["haproxy", "-db", "-f", str(file)]


def caddy(folder: Path, port: int, target: int) -> list[str]:
    example = (DEPLOY / "Caddyfile").read_text()
    file = folder / "Caddyfile"
    changed = example.replace("\n:8080", f"\nhttp://127.0.0.1:{port}").replace("127.0.0.1:8000", f"127.0.0.1:{target}")
    file.write_text("{\n\tadmin off\n\tauto_https off\n}\n" + changed)
    return ["caddy", "run", "--config", str(file), "--adapter", "caddyfile"]


PROXIES = {"nginx": nginx, "haproxy": haproxy, "caddy": caddy}


@asynccontextmanager
async def proxied(name: str, folder: Path, target: int) -> AsyncIterator[str]:
    """The proxy's address, when it answers for the service."""
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed")
    port = free_port()
    process = await asyncio.create_subprocess_exec(*PROXIES[name](folder, port, target))
    try:
        async with asyncio.timeout(15), httpx.AsyncClient() as http:
            while True:
                try:
                    if (await http.get(f"http://127.0.0.1:{port}/healthz")).status_code == 200:
                        break
                except httpx.TransportError:
                    assert process.returncode is None, "the proxy ended"
                await asyncio.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@pytest.mark.parametrize("name", PROXIES)
async def test_events_pass_one_by_one_websocket_connects_and_metrics_stay_inside(name, tmp_path):
    async with RealService(tmp_path / "data", ORICODE_TRUSTED_PROXIES="127.0.0.1") as service:
        target = int(service.url.rpartition(":")[2])
        async with proxied(name, tmp_path, target) as url:
            headers = {"X-API-Key": service.key}
            async with httpx.AsyncClient(base_url=url, headers=headers, timeout=30) as http:
                assert (await http.get("/metrics")).status_code == 404
                loop, times = asyncio.get_running_loop(), []
                async with http.stream("POST", "/api/chat", json=SLOW) as answer:
                    assert answer.status_code == 200, await answer.aread()
                    async for line in answer.aiter_lines():
                        if line.startswith("event: content"):
                            times.append(loop.time())
                assert len(times) == 10
                assert times[-1] - times[0] > 1, "the proxy gathered the events"
            socket_url = url.replace("http", "ws") + "/api/ws"
            async with connect(socket_url, subprotocols=["oricode.v1"], additional_headers=headers) as ws:
                async with asyncio.timeout(10):
                    assert json.loads(await ws.recv())["event"] == "connected"
