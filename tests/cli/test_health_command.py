"""``oricode health``, what the image's health check calls."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest


@contextmanager
def answering(status: int) -> Iterator[tuple[int, list[str]]]:
    """A server that gives one answer to everything; yields its port and the paths that were asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port, asked
    finally:
        server.shutdown()
        thread.join(timeout=10)
        server.server_close()


def test_a_service_that_is_up_is_healthy(oricode):
    with answering(200) as (port, asked):
        assert oricode("health", "--port", port).returncode == 0
    assert asked == ["/healthz"]


@pytest.mark.parametrize("variable", ["ORICODE_PORT", "PORT"])
def test_the_port_is_the_one_that_the_platform_gave_to_the_service(oricode, variable):
    with answering(200) as (port, _):
        assert oricode("health", **{variable: str(port)}).returncode == 0


def test_another_answer_is_unhealthy(oricode):
    with answering(503) as (port, _):
        done = oricode("health", "--port", port)
    assert done.returncode == 1
    assert "answers 503" in done.stderr


def test_no_answer_is_unhealthy_in_one_line(oricode):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        done = oricode("health", "--port", unused.getsockname()[1])
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
