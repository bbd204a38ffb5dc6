"""nginx and haproxy from Debian in front of the service, as people run them: default buffering, short idle limits.

In: the service's port and a folder. Out: a process and its port. Missing packages are said, not papered over.
"""

from __future__ import annotations

import asyncio
import shutil
import socket
from pathlib import Path

from .processes import Child

NGINX = """daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/nginx.log warn;
events {{ worker_connections 4000; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  map $http_upgrade $connection_upgrade {{ default upgrade; '' ''; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://127.0.0.1:{target};
      proxy_http_version 1.1;
      proxy_set_header Host $host;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_upgrade;
      {more}
    }}
  }}
}}
"""
HAPROXY = """global
  maxconn 4000
defaults
  mode http
  timeout connect 5s
  timeout client 30s
  timeout server 30s
frontend front
  bind 127.0.0.1:{port}
  default_backend back
backend back
  server one 127.0.0.1:{target}
"""


def free_port() -> int:
    """A port that is free now; proxies cannot be told to take any."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def missing() -> list[str]:
    """Debian packages that are not installed."""
    return [name for name, path in (("nginx-light", _find("nginx")), ("haproxy", _find("haproxy"))) if path is None]


def _find(name: str) -> str | None:
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")


async def nginx(folder: Path, target: int, more: str = "") -> tuple[Child, int]:
    """Idle limit 60 s unless ``more`` says otherwise (directives of the location)."""
    return await _start(folder / "nginx", NGINX, target, ["nginx", "-c", "{file}", "-p", "{folder}"], more)


async def haproxy(folder: Path, target: int) -> tuple[Child, int]:
    """Idle limits 30 s."""
    return await _start(folder / "haproxy", HAPROXY, target, ["haproxy", "-db", "-f", "{file}"], "")


async def _start(folder: Path, text: str, target: int, command: list[str], more: str) -> tuple[Child, int]:
    folder.mkdir(parents=True, exist_ok=True)
    port, file = free_port(), folder / "front.conf"
    file.write_text(text.format(folder=folder, port=port, target=target, more=more))
    program = _find(command[0])
    if program is None:
        raise RuntimeError(f"{command[0]} is not installed: apt-get install nginx-light haproxy")
    child, _ = await Child.start([program, *(part.format(file=file, folder=folder) for part in command[1:])])
    async with asyncio.timeout(10):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                if not child.alive:
                    raise RuntimeError(f"{command[0]} ended: " + "\n".join(child.said)) from None
                await asyncio.sleep(0.02)
                continue
            writer.close()
            return child, port
