"""``python -m upstream [--port N]``: the catalogue's scripts on 127.0.0.1; prints its address as the first line."""

from __future__ import annotations

import argparse
import asyncio

from . import catalogue
from .server import Upstream


async def serve(port: int) -> None:
    upstream = Upstream(port)
    upstream.otherwise = catalogue.Catalogue()
    async with upstream:
        print(upstream.url, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        prog="upstream", description=catalogue.__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--port", type=int, default=0, help="0 = any free one")
    asyncio.run(serve(parser.parse_args().port))
