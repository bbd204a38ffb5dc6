"""Log lines: JSON for machines, with ids, and never with what people wrote."""

import asyncio
import io
import json
import logging
import os
import signal
from collections.abc import Iterator

import httpx
import pytest
from clients.real_service import ORICODE
from oricode_service.engine.observer import IDS
from oricode_service.observe.logs import Json

PROMPT = "canary-prompt-5f0d"


@pytest.fixture
def log() -> Iterator[tuple[logging.Logger, io.StringIO]]:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(Json())
    logger = logging.getLogger("test of logs")
    logger.propagate = False
    logger.addHandler(handler)
    yield logger, stream
    logger.removeHandler(handler)


def test_a_line_is_one_json_object_with_the_ids_of_its_context(log):
    logger, stream = log
    token = IDS.set({"run": "run_1", "chat": "chat_1", "user": "anna"})
    logger.warning("two\nlines of %s", "text")
    IDS.reset(token)
    logger.warning("outside")
    first, second = map(json.loads, stream.getvalue().splitlines())
    assert (first["run"], first["chat"], first["user"]) == ("run_1", "chat_1", "anna")
    assert first["message"] == "two\nlines of text"
    assert "run" not in second


def test_an_exception_is_named_and_placed_but_its_message_is_left_out(log):
    logger, stream = log
    try:
        raise ValueError(PROMPT)
    except ValueError:
        logger.exception("a run failed")
    line = json.loads(stream.getvalue())
    assert line["exception"] == "ValueError"
    assert any("test_logs.py" in place for place in line["at"])
    assert PROMPT not in stream.getvalue()


async def test_neither_prompts_nor_answers_nor_keys_get_into_the_log_even_at_debug(tmp_path):
    env = {name: value for name, value in os.environ.items() if not name.startswith(("ORICODE_", "ANTHROPIC_"))}
    secret = "sk-ant-canary-key-77aa"
    env |= {"ORICODE_MODEL": "demo", "ORICODE_LOG_FORMAT": "json", "ORICODE_LOG_LEVEL": "debug"}
    # Port 9 refuses: the model call fails and its trouble is logged.
    env |= {"ANTHROPIC_API_KEY": secret, "ANTHROPIC_BASE_URL": "http://127.0.0.1:9", "ORICODE_UPSTREAM_ATTEMPTS": "1"}
    process = await asyncio.create_subprocess_exec(
        ORICODE, "serve", "--port", "0", "--data-dir", str(tmp_path),
        env=env, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        said = b""
        async with asyncio.timeout(60):
            while b"Try it" not in said:
                said += await process.stdout.readline()
        url = next(word for word in said.decode().split() if word.startswith("http://127.0.0.1")).rstrip("/")
        key = next(word for word in said.decode().split() if word.startswith("ok_"))
        async with httpx.AsyncClient(base_url=url, headers={"X-API-Key": key}, timeout=30) as http:
            echoed = await http.post("/api/chat", json={"prompt": PROMPT, "model": "echo"})
            assert echoed.json()["text"] == PROMPT
            failed = await http.post("/api/chat", json={"prompt": PROMPT, "model": "claude-sonnet-5-5"})
            assert failed.json()["status"] == "failed"
            await http.post("/api/chat", content=b'{"prompt": "' + PROMPT.encode())
            await http.get(f"/api/chats?key={key}", headers={"X-API-Key": "wrong" + key})
        process.send_signal(signal.SIGTERM)
    finally:
        async with asyncio.timeout(30):
            _, err = await process.communicate()
    lines = [json.loads(line) for line in err.decode().splitlines()]
    trouble = [line for line in lines if line["level"] == "warning" and "run" in line]
    assert trouble, "the failed model call was to be logged with its run"
    for canary in (PROMPT, secret, key):
        assert canary not in err.decode()
