"""Names, aliases and defaults."""

from __future__ import annotations

import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
from oricode_service.models.anthropic_heads import Heads, SdkUnusable
from oricode_service.models.local_process import ChildFailed, ChildProcess
from oricode_service.models.port import Text
from oricode_service.models.router import BadModelSetting, Router, RouterSettings, UnknownModel
from upstream import Upstream

from .conftest import a_call, read

TODAY = date(2026, 11, 23)
RETIRED = [
    "claude-sonnet-4-20250514", "claude-sonnet-4-0", "claude-opus-4-20250514", "claude-opus-4-0",
    "claude-3-7-sonnet-20250219", "claude-3-7-sonnet-latest", "claude-3-5-sonnet-20241022", "claude-3-5-haiku-latest",
    "claude-3-opus-20240229", "claude-3-opus-latest", "claude-3-haiku-20240307", "claude-2.1", "claude-instant-1.2",
]  # fmt: skip
CURRENT = ["claude-sonnet-5-5", "claude-opus-4-5", "claude-opus-4-5-20251101", "claude-haiku-4-5", "claude-sonnet-4-6"]


def router(*, local: bool = False, today: date = TODAY, **settings) -> Router:
    return Router(RouterSettings(**settings), local_available=lambda: local, today=lambda: today)


@pytest.mark.parametrize(
    ("local", "settings", "default", "why"),
    [
        (True, {"anthropic_api_key": "k"}, "claude-sonnet-5-5", "ANTHROPIC_API_KEY is set"),
        (True, {}, "local", "no ANTHROPIC_API_KEY"),
        (True, {"anthropic_base_url": "http://127.0.0.1:1"}, "local", "no ANTHROPIC_API_KEY"),
        (False, {}, "demo", "no real model"),
        (True, {"anthropic_api_key": "k", "model": "claude-opus-5-5"}, "claude-opus-5-5", "chosen"),
        (True, {"anthropic_api_key": "k", "model": "local"}, "local", "chosen"),
        (True, {"model": "demo"}, "demo", "chosen"),
        (True, {"model": "firehose:10@5"}, "firehose:10@5", "chosen"),
        (True, {"anthropic_base_url": "http://127.0.0.1:1", "model": "qwen3"}, "qwen3", "chosen"),
        (True, {"anthropic_api_key": "k", "model": RETIRED[0]}, "claude-sonnet-5-5", "retired"),
    ],
)
def test_the_default_is_the_best_there_is_and_says_why(local: bool, settings, default: str, why: str):
    chosen = router(local=local, **settings)
    assert chosen.default == default
    assert why in chosen.reason
    assert chosen.effective(None) == chosen.effective("") == default
    assert chosen.available[0] == default


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"model": "local"}, "make model"),
        ({"model": "claude-sonnet-5-5"}, "ANTHROPIC_API_KEY"),
        ({"model": "gpt-4", "anthropic_api_key": "k"}, "There is no model 'gpt-4'"),
        ({"model": "firehose:lots"}, "firehose:COUNT"),
        ({"model": "no-such-file.yaml"}, "no-such-file.yaml cannot be played"),
        ({"scripts": {"demo": Path("no-such-file.yaml")}}, "no-such-file.yaml cannot be played"),
    ],
)
def test_a_default_that_cannot_be_is_refused_with_one_line(settings, says: str):
    with pytest.raises(BadModelSetting, match=r"\w") as refusal:
        router(**settings)
    assert says in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("name", RETIRED)
@pytest.mark.parametrize("settings", [{"anthropic_api_key": "k", "model": "claude-opus-5-5"}, {"model": "demo"}])
def test_retired_names_mean_the_default_whatever_it_is(name: str, settings):
    chosen = router(**settings)
    assert chosen.effective(name) == chosen.default


@pytest.mark.parametrize("name", CURRENT)
def test_current_names_mean_themselves(name: str):
    assert router(anthropic_api_key="k", model="demo").effective(name) == name


def test_a_name_retires_on_its_day():
    name = "claude-sonnet-4-5-20250929"
    before, after = (router(anthropic_api_key="k", today=date(2026, 11, day)) for day in (29, 30))
    assert before.effective(name) == name
    assert after.effective(name) == "claude-sonnet-5-5"


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("gpt-4", "Available: demo, echo."),
        ("claude-sonnet-5-5", "Claude needs ANTHROPIC_API_KEY"),
        ("local", "make model"),
        ("firehose:5", "not available"),
        ("Claude-Sonnet-5-5", "not available"),
        ("x" * 5000, "x…"),
    ],
)
def test_an_unknown_name_is_refused_with_what_there_is(name: str, says: str):
    with pytest.raises(UnknownModel) as refusal:
        router().route(name)
    assert says in refusal.value.sentence
    assert refusal.value.available == ["demo", "echo"]
    assert len(refusal.value.sentence) < 400


def test_what_is_available_is_listed():
    assert router(anthropic_api_key="k", local=True).available == [
        "claude-sonnet-5-5",
        "claude-*",
        "local",
        "demo",
        "echo",
    ]


async def test_the_old_client_s_model_reaches_the_endpoint_as_the_default(upstream: Upstream):
    models = router(anthropic_api_key="dummy", anthropic_base_url=upstream.url, model="any-name-at-all")
    provider, model = models.route("claude-sonnet-4-20250514")
    await read(provider, a_call(model=model))
    assert upstream.requests[0].body["model"] == "any-name-at-all"
    assert models.route("claude-opus-5-5") == (provider, "claude-opus-5-5")
    await models.close()


async def test_a_script_file_can_be_the_default_and_replace_the_demo(tmp_path: Path):
    script = tmp_path / "rehearsal.yaml"
    script.write_text("scenes: [[{say: Curtain up.}]]", "utf-8")
    for models in (router(model=str(script)), router(model="demo", scripts={"demo": script})):
        provider, model = models.route(None)
        deltas = await read(provider, a_call(model=model))
        assert "".join(delta.text for delta in deltas if isinstance(delta, Text)) == "Curtain up."
        await models.close()


@pytest.mark.parametrize("name", ["echo", "demo"])
async def test_models_of_one_kind_share_a_provider(name: str):
    models = router()
    assert models.route(name).provider is models.route(name).provider
    await models.close()


def test_a_firehose_runs_only_where_the_operator_wants_one_unless_it_drips():
    assert router(model="firehose").effective("firehose:20@50") == "firehose:20@50"
    assert router().effective("firehose:20@5") == "firehose:20@5"
    with pytest.raises(UnknownModel):
        router().effective("firehose:20@6")
    with pytest.raises(UnknownModel):
        router(model="firehose").effective("firehose:lots")


async def test_an_unusable_key_or_address_is_found_at_the_start():
    for settings in ({"anthropic_api_key": "two words"}, {"anthropic_api_key": "k", "anthropic_base_url": "nowhere"}):
        with pytest.raises(BadModelSetting, match="Claude cannot be reached"):
            router(**settings).start()


async def test_a_built_in_model_that_does_not_come_up_is_said_and_the_service_serves(monkeypatch: pytest.MonkeyPatch):
    async def fail(*_: object) -> None:
        raise ChildFailed("out of memory")

    monkeypatch.setattr("oricode_service.models.local.local_model_available", lambda: True)
    monkeypatch.setattr(ChildProcess, "start", fail)
    models = router(local=True)
    models.start()
    assert not models.ready
    await models.prepared()
    assert models.ready
    assert models.reason.endswith("The built-in model did not start: out of memory.")
    await models.close()


async def test_without_a_model_that_takes_long_the_service_is_ready_at_once():
    models = router(model="demo")
    models.start()
    await models.prepared()
    assert models.ready
    await models.close()


async def test_an_sdk_that_cannot_be_used_is_said_in_one_line(monkeypatch: pytest.MonkeyPatch):
    async def fail(_: Heads) -> None:
        raise SdkUnusable("ModuleNotFoundError: No module named 'anthropic'")

    monkeypatch.setattr(Heads, "_ask", fail)
    models = router(anthropic_api_key="k")
    models.start()
    with pytest.raises(BadModelSetting, match="No module named 'anthropic'") as refusal:
        await models.prepared()
    assert "\n" not in str(refusal.value)
    assert not models.ready
    await models.close()


def test_neither_choosing_nor_making_a_provider_imports_anything_heavy():
    code = (
        "import sys; from oricode_service.models.router import *; "
        "Router(RouterSettings(anthropic_api_key='k')).route('claude-x'); "
        "print(sorted({'anthropic', 'httpx2', 'aiohttp', 'pydantic', 'yaml', 'xllamacpp'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout.strip() == "[]"
