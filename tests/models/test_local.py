"""The built-in model's provider: with a stand-in child everywhere, with the real model where it is installed."""

from __future__ import annotations

import asyncio
import os
import select
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from oricode_service.models.local import LocalProvider
from oricode_service.models.local_child import local_model_available
from oricode_service.models.port import Stop, Text, Usage
from oricode_service.models.router import Router, RouterSettings
from upstream import Drop, Upstream, WaitFor, message, text

from .conftest import a_call, one_by_one, read, read_failing

CHILD = "import sys; print(sys.argv[1], flush=True); sys.stdin.read()"
needs_model = pytest.mark.skipif(not local_model_available(), reason="the built-in model is not installed: make model")


def child(line: str) -> list[str]:
    """A child that says ``line`` and lives until its input ends."""
    return [sys.executable, "-c", CHILD, line]


@pytest.fixture
async def local(upstream: Upstream) -> AsyncIterator[LocalProvider]:
    provider = LocalProvider(command=child(f"ready {upstream.url}"), context=1000)
    yield provider
    await provider.close()


async def gone(pid: int) -> None:
    """Wait until the process has ended, whoever its parent is."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        assert await asyncio.to_thread(select.select, [descriptor], [], [], 10) != ([], [], []), "still running"
    finally:
        os.close(descriptor)


async def test_the_child_starts_with_the_first_call_and_ends_with_the_provider(local: LocalProvider):
    assert local.pid is None
    await read(local, a_call())
    pid = local.pid
    assert pid is not None
    await read(local, a_call())
    assert local.pid == pid
    await local.close()
    assert local.pid is None
    await gone(pid)


async def test_calls_that_come_together_start_one_child(local: LocalProvider):
    await asyncio.gather(*(read(local, a_call()) for _ in range(5)))
    assert local.pid is not None


async def test_a_child_that_died_is_started_again(local: LocalProvider):
    await local.start()
    first = local.pid
    assert first is not None
    assert local._child is not None
    os.kill(first, signal.SIGKILL)
    async with asyncio.timeout(10):
        await local._child.wait()
    await read(local, a_call())
    assert local.pid not in (None, first)


async def test_what_is_sent_suits_a_small_model(upstream: Upstream, local: LocalProvider):
    call = a_call(
        "Hi",
        model="local",
        system=[{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
        tools=[{"name": "t", "description": "d", "input_schema": {}}],
        thinking={"type": "adaptive"},
        metadata={"user_id": "u"},
        max_tokens=8192,
    )
    upstream.count_tokens = lambda request: 300
    await read(local, call)
    assert upstream.requests[-1].body == {
        "model": "smollm2-135m-instruct",
        "messages": [{"role": "user", "content": "Hi"}],
        "system": [{"type": "text", "text": "Be brief."}],
        "max_tokens": 1000 - 300 - 16,
        "stream": True,
        "temperature": 0,
    }


async def test_a_long_chat_is_cut_to_the_context_oldest_first(upstream: Upstream, local: LocalProvider):
    upstream.count_tokens = lambda request: sum(len(m["content"]) for m in request.body["messages"])
    chat = [{"role": role, "content": f"{role[0]}{i:02d}" * 20} for i in range(50) for role in ("user", "assistant")]
    await read(local, a_call(messages=[*chat, {"role": "user", "content": "last"}], max_tokens=200))
    sent = upstream.requests[-1].body["messages"]
    assert sent[-1]["content"] == "last"
    assert sent[0]["role"] == "user"
    assert 200 < sum(len(message["content"]) for message in sent) <= 1000 - 200 - 16
    assert len(upstream.requests) <= 5


async def test_a_message_that_alone_is_too_long_is_refused_clearly(upstream: Upstream, local: LocalProvider):
    upstream.count_tokens = lambda request: 5000
    _, failure = await read_failing(local, a_call(system=[{"type": "text", "text": "x"}], max_tokens=100))
    assert (failure.code, failure.retryable) == ("upstream_rejected", False)
    assert "5000 tokens" in failure.sentence
    assert "884" in failure.sentence
    assert all(request.path.endswith("count_tokens") for request in upstream.requests)


async def test_an_answer_that_breaks_off_is_a_failure(upstream: Upstream, local: LocalProvider):
    upstream.enqueue([*message(text("ab", pieces=2))[:4], Drop()])
    _, failure = await read_failing(local, a_call())
    assert (failure.code, failure.retryable) == ("upstream_dropped", True)


async def test_closing_the_stream_frees_the_slot(upstream: Upstream, local: LocalProvider):
    upstream.enqueue([*message(text("ab", pieces=2))[:4], WaitFor("never")])
    stream = local.stream(a_call())
    await anext(stream)
    await stream.aclose()
    await upstream.wait_until_closed()


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (child("failed no such file"), "did not start: no such file."),
        ([sys.executable, "-c", "raise SystemExit(3)"], "it ended at once with code 3"),
        (["/no/such/program"], "cannot be started"),
    ],
)
async def test_a_child_that_does_not_come_up_is_a_failure_with_its_reason(command: list[str], says: str):
    provider = LocalProvider(command=command)
    _, failure = await read_failing(provider, a_call())
    assert (failure.code, failure.retryable) == ("upstream_unavailable", True)
    assert says in failure.sentence
    assert provider.pid is None
    await provider.close()


async def test_a_child_that_never_gets_ready_is_ended(tmp_path: Path):
    pid_file = tmp_path / "pid"
    code = f"import os, sys; open({str(pid_file)!r}, 'w').write(str(os.getpid())); sys.stdin.read()"
    provider = LocalProvider(command=[sys.executable, "-c", code], ready_within=1)
    _, failure = await read_failing(provider, a_call())
    assert "not ready within 1 s" in failure.sentence
    await gone(int(pid_file.read_text()))


async def test_the_child_sees_no_secrets(upstream: Upstream, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-secret")
    code = f"import os, sys; print('failed', os.environ.get('ANTHROPIC_API_KEY'), '{upstream.url}'); sys.stdin.read()"
    provider = LocalProvider(command=[sys.executable, "-u", "-c", code])
    _, failure = await read_failing(provider, a_call())
    assert "did not start: None http" in failure.sentence
    await provider.close()


@pytest.fixture
async def real() -> AsyncIterator[LocalProvider]:
    provider = LocalProvider()
    async with asyncio.timeout(60):
        await provider.start()
    yield provider
    await provider.close()


@needs_model
@pytest.mark.slow
async def test_the_real_model_answers_a_chat(real: LocalProvider):
    system = [{"type": "text", "text": "You are a helpful assistant."}]
    deltas = await read_long(real, a_call("What is the capital of France?", system=system, max_tokens=40))
    answer = "".join(delta.text for delta in deltas if isinstance(delta, Text))
    assert len(answer.split()) > 3, answer
    assert isinstance(deltas[-1], Stop)
    assert deltas[-1].reason in ("end_turn", "max_tokens")
    assert deltas[-1].model == "smollm2-135m-instruct"
    usages = [delta for delta in deltas if isinstance(delta, Usage)]
    assert usages[0].input_tokens
    assert usages[-1].output_tokens
    cut = await read_long(real, a_call("Tell me a long story.", max_tokens=5))
    assert cut[-1] == Stop("max_tokens", "smollm2-135m-instruct")


@needs_model
@pytest.mark.slow
async def test_the_real_model_refuses_what_it_cannot_read(real: LocalProvider):
    _, failure = await read_failing(real, a_call("word " * 6000))
    assert failure.code == "upstream_rejected"
    assert "tokens" in failure.sentence


@needs_model
@pytest.mark.slow
async def test_the_real_child_dies_with_a_service_that_is_killed():
    code = (
        "import asyncio\n"
        "from oricode_service.models.local import LocalProvider\n"
        "async def main():\n"
        "    provider = LocalProvider()\n"
        "    await provider.start()\n"
        "    print(provider.pid, flush=True)\n"
        "    await asyncio.Event().wait()\n"
        "asyncio.run(main())\n"
    )
    service = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE)
    assert service.stdout is not None
    async with asyncio.timeout(60):
        pid = int(await service.stdout.readline())
    service.kill()
    await service.wait()
    await gone(pid)


@needs_model
@pytest.mark.slow
async def test_the_router_starts_the_real_model_when_it_is_the_default():
    models = Router(RouterSettings())
    assert models.default == "local"
    async with asyncio.timeout(60):
        models.start()
        await models.prepared()
    provider, _ = models.route(None)
    assert isinstance(provider, LocalProvider)
    assert provider.pid is not None
    await models.close()


async def read_long(provider: LocalProvider, call):
    async with asyncio.timeout(120):
        return one_by_one([delta async for deltas in provider.stream(call) for delta in deltas])
