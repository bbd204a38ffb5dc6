"""What the start and later imports made is out of the garbage collector's sight; what comes afterwards is not."""

from __future__ import annotations

import subprocess
import sys

WATCHED = """
import gc
from oricode_service import collector
collector.rest()
print(gc.isenabled())
import oricode_service.toolbox
collector.settle()
print(gc.isenabled(), len(gc.get_objects()) < 1000)
from oricode_service.tools.mcp.servers import McpServers
import asyncio

async def main(imported):
    await McpServers([], imported=imported)._connect([])

asyncio.run(main(lambda: None))
print(len(gc.get_objects()) > 20_000)
asyncio.run(main(collector.settle_more))
print(len(gc.get_objects()) < 1000)
cycle = []
cycle.append(cycle)
del cycle
print(gc.collect() > 0)
"""


def test_what_imports_made_is_out_of_sight_and_new_cycles_are_found():
    """The third line is the control: what MCP's SDK made is seen as long as nobody says that it is there."""
    done = subprocess.run([sys.executable, "-c", WATCHED], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.split("\n") == ["False", "True True", "True", "True", "True", ""]
