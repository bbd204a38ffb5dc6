"""What a person sees when the service starts: where it is, what answers, and a line to try it with."""

from __future__ import annotations

import socket

from .models.router import Router
from .settings import Settings
from .store.port import Store


def banner(
    settings: Settings, router: Router, store: Store, listening: list[socket.socket], first_key: str | None
) -> str:
    """The start-up text. Shows a key only when it was made just now, as the one time it can be shown."""
    port = listening[0].getsockname()[1]
    host = settings.host if settings.host not in ("0.0.0.0", "::", "") else "127.0.0.1"
    address = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    shown = first_key or "$ORICODE_KEY"
    page = f"{address}/#key={first_key}" if first_key else f"{address}/"
    lines = [
        "",
        "  Oricode is ready.",
        "",
        f"  address    {address}",
        f"  model      {router.default}  ({router.reason})",
        f"  database   {store.description}",
    ]
    if first_key:
        lines += [f"  key        {first_key}   (shown once; `oricode keys create` makes more)"]
    else:
        lines += ["  key        use one of yours; `oricode keys create --user NAME` makes another"]
    lines += [
        f"  page       {page}",
        "",
        "  Try it:",
        f"  curl -N {address}/api/chat -H 'X-API-Key: {shown}' \\",
        '    -H \'Content-Type: application/json\' -d \'{"prompt": "Hello!", "stream": true}\'',
        "",
    ]
    return "\n".join(lines)
