"""What the SDK says of requests: the same from a child as in this process, kept for the next start, never trusted."""

from __future__ import annotations

import asyncio
import ssl
import sys
from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest
from oricode_protocol import codec
from oricode_service.models import anthropic_heads, anthropic_http, anthropic_sdk
from oricode_service.models.anthropic import AnthropicProvider
from oricode_service.models.anthropic_heads import Heads, SdkUnusable
from oricode_service.models.anthropic_wish import KEY, Head, Wish, heads_of
from oricode_service.models.port import UpstreamFailure
from upstream import Upstream

from .conftest import a_call, read

WISH = Wish("https://api.anthropic.com/base", 120.0, 5.0, keep_alive=True)
CHILD = (sys.executable, "-P", "-m", "oricode_service.models.anthropic_sdk")


def saying(code: str) -> tuple[str, ...]:
    return (sys.executable, "-c", code)


async def known(heads: Heads) -> dict[str, Head]:
    async with asyncio.timeout(90):
        return await heads.known()


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Wish]:
    """Wishes that reach the SDK."""
    seen: list[Wish] = []
    real = anthropic_sdk.heads

    async def heads(wish: Wish) -> dict[str, Head]:
        seen.append(wish)
        return await real(wish)

    monkeypatch.setattr(anthropic_sdk, "heads", heads)
    return seen


async def test_a_child_says_what_the_sdk_says_here_and_no_head_holds_a_key(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-secret")
    monkeypatch.setenv("ANTHROPIC_CUSTOM_HEADERS", "x-gateway: of the environment")
    here = await anthropic_sdk.heads(WISH)
    assert await known(Heads(WISH, command=CHILD)) == here
    assert set(here) == {"/v1/messages", "/v1/messages/count_tokens"}
    head = here["/v1/messages"]
    assert head.target == "/base/v1/messages"
    assert ("authorization", f"Bearer {KEY}") in head.headers
    assert ("x-gateway", "of the environment") in head.headers
    assert "sk-secret" not in repr(here)


async def test_the_next_start_needs_no_sdk(tmp_path: Path, asked: list[Wish]):
    kept_in = tmp_path / "heads.json"
    first = await known(Heads(WISH, kept_in))
    assert len(asked) == 1
    assert await known(Heads(WISH, kept_in, saying("raise SystemExit('nobody may ask')"))) == first
    assert [file.name for file in tmp_path.iterdir()] == ["heads.json"]


def _another_sdk(monkeypatch: pytest.MonkeyPatch, _: Path) -> Wish:
    monkeypatch.setattr("importlib.metadata.version", lambda name: "99")
    return WISH


def _another_python(monkeypatch: pytest.MonkeyPatch, _: Path) -> Wish:
    monkeypatch.setattr(anthropic_heads.sys, "version", "4.0")
    return WISH


def _another_server(_: pytest.MonkeyPatch, __: Path) -> Wish:
    return Wish("https://elsewhere.example", 120.0, 5.0, keep_alive=True)


def _a_torn_file(_: pytest.MonkeyPatch, kept_in: Path) -> Wish:
    kept_in.write_bytes(kept_in.read_bytes()[:-20])
    return WISH


def _a_line_that_was_slipped_in(_: pytest.MonkeyPatch, kept_in: Path) -> Wish:
    kept = codec.loads(kept_in.read_bytes())
    kept["heads"]["/v1/messages"][1].append(["x", "y\r\nTransfer-Encoding: chunked"])
    kept_in.write_bytes(codec.dumps(kept))
    return WISH


@pytest.mark.parametrize(
    "changed", [_another_sdk, _another_python, _another_server, _a_torn_file, _a_line_that_was_slipped_in]
)
async def test_what_was_kept_for_another_question_is_not_believed(
    changed: Callable[[pytest.MonkeyPatch, Path], Wish],
    tmp_path: Path,
    asked: list[Wish],
    monkeypatch: pytest.MonkeyPatch,
):
    kept_in = tmp_path / "heads.json"
    await known(Heads(WISH, kept_in))
    wish = changed(monkeypatch, kept_in)
    await known(Heads(wish, kept_in))
    assert asked == [WISH, wish]


async def test_nothing_is_kept_where_the_environment_speaks_to_the_sdk(
    tmp_path: Path, asked: list[Wish], monkeypatch: pytest.MonkeyPatch
):
    kept_in = tmp_path / "heads.json"
    await known(Heads(WISH, kept_in))
    monkeypatch.setenv("ANTHROPIC_CUSTOM_HEADERS", "x-gateway-password: hush")
    assert ("x-gateway-password", "hush") in (await known(Heads(WISH, kept_in)))["/v1/messages"].headers
    assert len(asked) == 2
    assert b"hush" not in kept_in.read_bytes()


async def test_a_folder_that_takes_no_file_is_no_reason_to_fail(tmp_path: Path):
    assert await known(Heads(WISH, tmp_path / "absent" / "heads.json"))


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("import no_such_sdk", "ModuleNotFoundError: No module named 'no_such_sdk'"),
        ("import os; os._exit(3)", "it ended with 3"),
        ("print('{}')", "not understood"),
        ("print('no JSON')", "not understood"),
    ],
)
async def test_an_sdk_that_does_not_answer_is_told_in_one_line(code: str, says: str):
    with pytest.raises(SdkUnusable) as refusal:
        await known(Heads(WISH, command=saying(code)))
    assert says in str(refusal.value)
    assert "\n" not in str(refusal.value)


async def test_a_call_that_comes_too_early_waits_and_gets_its_answer(upstream: Upstream):
    """Nobody has begun to ask: the call itself does."""
    provider = AnthropicProvider(api_key="sk-key", base_url=upstream.url)
    await read(provider, a_call())
    await provider.close()
    assert upstream.requests[0].headers["authorization"] == "Bearer sk-key"
    assert upstream.requests[0].headers["host"] == upstream.url.removeprefix("http://")


async def test_a_call_whose_sdk_cannot_be_used_fails_and_says_why(upstream: Upstream):
    heads = Heads(WISH, command=saying("import no_such_sdk"))
    provider = AnthropicProvider(api_key="sk-key", base_url=upstream.url, heads=heads)
    with pytest.raises(UpstreamFailure, match="no_such_sdk"):
        await read(provider, a_call())
    await provider.close()


async def test_who_stops_waiting_does_not_stop_the_others():
    heads = Heads(WISH, command=saying("import time; time.sleep(60)"))
    first, second = asyncio.create_task(heads.known()), asyncio.create_task(heads.known())
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.wait([first])
    assert not second.done()
    await asyncio.wait_for(heads.close(), 10)
    await asyncio.wait([second], timeout=10)
    assert second.cancelled()


@pytest.mark.parametrize(
    "value", [None, [], {"/v1/messages": ["/x", []]}, {"/v1/messages": 1, "/v1/messages/count_tokens": 2}]
)
def test_only_heads_are_heads(value: object):
    with pytest.raises(ValueError, match="head"):
        heads_of(value, WISH.paths)


@pytest.mark.parametrize(
    "head", [["v1", []], ["/v1 HTTP/1.1", []], ["/", [["a b", "c"]]], ["/", [["a", "b\nc"]]], ["/", [["a", "€"]]]]
)
def test_what_would_break_a_request_is_no_head(head: object):
    with pytest.raises(ValueError, match="head"):
        Head.of(head)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere it is the SDK's own")
def test_a_server_is_trusted_as_the_sdk_trusts_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    def trust(tls: ssl.SSLContext) -> tuple[object, ...]:
        return tls.cert_store_stats(), tls.verify_mode, tls.check_hostname, tls.verify_flags, tls.minimum_version

    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
    system = trust(httpx2.create_ssl_context())
    assert trust(anthropic_http._tls()) == system
    only = tmp_path / "only.pem"
    only.write_text(ssl.DER_cert_to_PEM_cert(httpx2.create_ssl_context().get_ca_certs(binary_form=True)[0]))
    for variable, where in (("SSL_CERT_DIR", tmp_path), ("SSL_CERT_FILE", only)):
        monkeypatch.setenv(variable, str(where))
        assert trust(anthropic_http._tls()) == trust(httpx2.create_ssl_context()) != system


@pytest.mark.parametrize(
    ("url", "authority"),
    [
        ("https://api.anthropic.com", "api.anthropic.com"),
        ("https://api.anthropic.com:443/x", "api.anthropic.com"),
        ("http://[::1]:8080", "[::1]:8080"),
        ("http://bücher.example:80", "xn--bcher-kva.example"),
        ("https://h:80", "h:80"),
    ],
)
def test_the_host_of_a_request_is_as_the_sdk_would_write_it(url: str, authority: str):
    assert anthropic_http._authority(url) == httpx2.Request("POST", url).headers["host"] == authority
