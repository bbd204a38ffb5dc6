"""Runs of our service that a measure needs: one that has ended, one that goes on; and who watches them."""

from __future__ import annotations

import contextlib
import http.client
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from .process import Peer


def ended_run(peer: Peer, model: str) -> dict[str, Any]:
    """Its document. Raises RuntimeError when it did not complete."""
    with _asked(peer, "/api/chat", {"prompt": "x", "model": model}) as response:
        found: dict[str, Any] = json.loads(response.read())
    if found.get("status") != "completed":
        raise RuntimeError(f"{model}: {found}")
    return found


def live_run(peer: Peer, model: str) -> str:
    """The id of a run that its asker has left again."""
    with _asked(peer, "/api/chat", {"prompt": "x", "model": model, "stream": True}) as response:
        while (line := response.readline()) and not line.startswith(b"data: "):
            pass
        return str(json.loads(line.removeprefix(b"data: "))["run_id"])


def cancel(peer: Peer, run: str) -> None:
    """Ends a run."""
    with _asked(peer, f"/api/runs/{run}/cancel", {}):
        pass


def viewer(peer: Peer, run: str, *, batch_ms: int = 0, after: str = "") -> Peer:
    """The peer as a viewer of that run sees it, over SSE."""
    query = [f"after={after}"] * bool(after) + [f"batch_ms={batch_ms}"] * bool(batch_ms)
    path = f"/api/runs/{run}/events" + ("?" + "&".join(query) if query else "")
    return replace(peer, path=path, body=None)


def websocket_viewer(peer: Peer, run: str, *, batch_ms: int = 0) -> Peer:
    """The same over WebSocket."""
    data = {"run": run, "batch_ms": batch_ms} if batch_ms else {"run": run}
    return replace(peer, path="/api/ws", command={"command": "attach", "ref": "1", "data": data})


@contextlib.contextmanager
def _asked(peer: Peer, path: str, body: dict[str, Any]) -> Iterator[http.client.HTTPResponse]:
    asking = http.client.HTTPConnection("127.0.0.1", peer.port, timeout=300)
    with contextlib.closing(asking):
        asking.request("POST", path, json.dumps(body), {**peer.headers, "content-type": "application/json"})
        response = asking.getresponse()
        if response.status not in (200, 202):
            raise RuntimeError(f"{path}: {response.status} {response.read()!r}")
        yield response
