"""``mcp.json`` and the names of its tools."""

from __future__ import annotations

import subprocess
import sys

import orjson
import pytest
from oricode_service.tools.mcp.backoff import Backoff
from oricode_service.tools.mcp.config import BadConfig, BadServer, Entry, HttpServer, StdioServer, parse
from oricode_service.tools.mcp.naming import model_names


def parse_one(entry: object, environ: dict[str, str] | None = None, name: str = "one") -> Entry:
    (only,) = parse(orjson.dumps({"mcpServers": {name: entry}}), environ or {})
    return only


def test_both_transports_are_read_with_variables_replaced() -> None:
    text = b"""{"mcpServers": {
        "git": {"command": "${BIN}/git-mcp", "args": ["--depth", "${DEPTH:-10}"], "env": {"TOKEN": "t-${TOKEN}"}},
        "docs": {"type": "http", "url": "https://${HOST}/mcp?key=k1", "headers": {"Authorization": "Bearer ${TOKEN}"}},
        "off": {"command": "x", "disabled": true}}, "other": 1}"""
    entries = parse(text, {"BIN": "/opt", "TOKEN": "s3cret", "HOST": "docs.example.com:8443"})
    assert entries == [
        StdioServer("git", "/opt/git-mcp", ("--depth", "10"), {"TOKEN": "t-s3cret"}),
        HttpServer("docs", "https://docs.example.com:8443/mcp?key=k1", {"Authorization": "Bearer s3cret"}),
    ]
    assert [entry.where for entry in entries] == ["/opt/git-mcp", "https://docs.example.com:8443/mcp"]


def test_no_representation_shows_a_secret() -> None:
    stdio = StdioServer("a", "cmd", ("--key", "s3cret"), {"K": "s3cret"})
    http = HttpServer("b", "https://u:s3cret@h/mcp?k=s3cret", {"X": "s3cret"})
    assert "s3cret" not in repr([stdio, http]) + stdio.where + http.where


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ({"command": "x", "env": {"A": "${NOT_SET}"}}, "the environment variable NOT_SET is not set"),
        ({"type": "sse", "url": "https://h/sse"}, "type 'sse' is not supported; stdio and http are"),
        ({"url": "file:///etc/passwd"}, "url is not an http or https address"),
        ({}, "command (stdio) or url (http) is needed"),
        ({"command": 1}, "command: Input should be a valid string"),
        ({"command": "x", "env": {"A": 5}}, "env.A: Input should be a valid string"),
        ([], "the entry: Input should be a valid dictionary or instance of _Fields"),
    ],
)
def test_an_entry_that_cannot_be_used_says_why(entry: object, problem: str) -> None:
    assert parse_one(entry) == BadServer("one", problem)


def test_a_bad_entry_does_not_stop_the_others() -> None:
    entries = parse(b'{"mcpServers": {"a b": {"command": "x"}, "ok": {"command": "x"}}}', {})
    assert [type(entry) for entry in entries] == [BadServer, StdioServer]


@pytest.mark.parametrize(
    ("text", "problem"),
    [(b"{", "not JSON"), (b"[]", "the key mcpServers is expected"), (b'{"mcpServers": []}', "mcpServers is expected")],
)
def test_a_file_that_is_none_is_refused(text: bytes, problem: str) -> None:
    with pytest.raises(BadConfig, match=problem):
        parse(text, {})


def test_tool_names_fit_the_messages_api_and_stay_apart() -> None:
    long = "x" * 200
    names = model_names("git", ["log", "show commit", "show/commit", long])
    assert names["log"] == "git__log"
    assert len(set(names.values())) == 4
    assert all(len(name) <= 128 and name.replace("-", "").replace("_", "").isalnum() for name in names.values())
    assert names["show commit"] == "git__show_commit"
    assert names == model_names("git", [long, "show/commit", "log", "show commit"])


def test_waits_double_up_to_their_cap_and_are_spread() -> None:
    backoff = Backoff(first=1.0, most=10.0)
    for failures, whole in [(1, 1), (2, 2), (3, 4), (4, 8), (5, 10), (500, 10)]:
        waits = {backoff.seconds(failures) for _ in range(50)}
        assert whole / 2 <= min(waits) < max(waits) <= whole


def test_without_servers_the_sdk_is_not_imported() -> None:
    """It costs most of a second and tens of megabytes."""
    program = (
        "import sys\nimport oricode_service.tools.registry\nfrom oricode_service.tools.mcp.servers import McpServers\n"
        "McpServers([]).start()\nassert 'mcp' not in sys.modules and 'httpx2' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
