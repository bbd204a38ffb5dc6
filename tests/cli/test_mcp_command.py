"""``oricode mcp check``, as a process, against a real server on stdio."""

import json
import sys
from pathlib import Path

SERVER = """
from mcp.server.mcpserver import MCPServer
server = MCPServer("greeter")

@server.tool()
async def greet(name: str) -> str:
    "Say hello."
    return f"Hello {name}"

server.run()
"""


def config(folder: Path, **servers: object) -> Path:
    file = folder / "mcp.json"
    file.write_text(json.dumps({"mcpServers": servers}))
    return file


def test_check_lists_the_tools_of_each_server(oricode, tmp_path):
    (tmp_path / "server.py").write_text(SERVER)
    file = config(tmp_path, hello={"command": sys.executable, "args": [str(tmp_path / "server.py")]})
    done = oricode("mcp", "check", "--config", file)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("hello: ready")
    assert "greet" in done.stdout


def test_check_fails_and_says_why_when_a_server_does_not_start(oricode, tmp_path):
    file = config(tmp_path, broken={"command": str(tmp_path / "no-such-program")})
    done = oricode("mcp", "check", "--seconds", 5, ORICODE_MCP_CONFIG=str(file))
    assert done.returncode == 1
    assert done.stdout.startswith("broken: ")
    assert len(done.stdout.splitlines()) > 1


def test_a_file_that_is_no_configuration_is_one_line_and_exit_code_2(oricode, tmp_path):
    (tmp_path / "mcp.json").write_text("[]")
    done = oricode("mcp", "check", "--config", tmp_path / "mcp.json")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
