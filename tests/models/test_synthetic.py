"""Echo and firehose."""

from __future__ import annotations

import pytest
from oricode_service.models.port import Stop, Text
from oricode_service.models.synthetic import EchoProvider, FirehoseProvider, firehose

from .conftest import a_call, read

ODD = "line\nbreak\r\nevent: done\ndata: {}\n\n\0 \u2028 \u2029 \x85 \ufeff 😀 \ud83d é"


def said(deltas) -> list[str]:
    return [delta.text for delta in deltas if isinstance(delta, Text)]


@pytest.mark.parametrize("text", [ODD, "a", "x" * 1000, ""])
async def test_echo_answers_the_text_back_unharmed_in_small_pieces(text: str):
    deltas = await read(EchoProvider(), a_call(text, model="echo"))
    assert "".join(said(deltas)) == text
    assert all(len(piece) <= 3 for piece in said(deltas))
    assert deltas[-1] == Stop("end_turn", "echo")


async def test_echo_takes_the_last_user_text_of_a_long_chat():
    messages = [
        {"role": "user", "content": "first"},
        {"role": "assistant", "content": "first"},
        {"role": "user", "content": [{"type": "text", "text": "sec"}, {"type": "text", "text": "ond"}]},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "n", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "x"}]},
    ]
    assert "".join(said(await read(EchoProvider(), a_call(messages=messages)))) == "second"


async def test_a_firehose_gives_every_delta_once_and_in_order():
    texts = said(await read(FirehoseProvider(), a_call(model="firehose:1000")))
    assert texts == [f"delta {number:05d} " for number in range(1000)]


async def test_a_paced_firehose_keeps_its_rate():
    now = 0.0

    async def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds

    provider = FirehoseProvider(clock=lambda: now, sleep=sleep)
    assert len(said(await read(provider, a_call(model="firehose:101@50")))) == 101
    assert now == pytest.approx(2.02)


@pytest.mark.parametrize(
    ("name", "meaning"),
    [("firehose", (1000, None)), ("firehose:5", (5, None)), ("firehose:5@2.5", (5, 2.5)), ("firehose:0", (0, None))],
)
def test_names_of_firehoses(name: str, meaning):
    assert firehose(name) == meaning


@pytest.mark.parametrize("name", ["firehose:", "firehose:x", "firehose:1@0", "firehose:99999999", "hose", "firehose:٣"])
def test_names_of_no_firehose(name: str):
    with pytest.raises(ValueError, match="firehose"):
        firehose(name)
